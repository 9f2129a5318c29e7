"""What may be read from the cache, and what may be kept."""

from typing import Any

import pytest

from semantic_router_proxy.cache.keys import query_text
from semantic_router_proxy.cache.policy import (
    CallerHints,
    Eligibility,
    caller_hints,
    eligibility,
    has_tool_calls,
    refusal,
)

QUESTION = "What are the main renewable energy sources?"


def _allowed(question: str = QUESTION, *, hints: CallerHints | None = None, **fields: Any) -> Eligibility:
    body = {"model": "auto", "messages": [{"role": "user", "content": question}], **fields}
    text = query_text("chat.completions", body)
    return eligibility("chat.completions", body, text, hints or CallerHints(), ("en",))


def test_a_plain_question_may_do_everything() -> None:
    assert _allowed() == Eligibility(exact=True, semantic=True, store=True)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"seed": 7}, "seed"),
        ({"seed": 0}, "seed"),
        ({"temperature": 1.01}, "temperature"),
    ],
)
def test_some_parameters_allow_exact_repeats_only(fields: dict[str, Any], reason: str) -> None:
    assert _allowed(**fields) == Eligibility(exact=True, semantic=False, store=True, reason=reason)


@pytest.mark.parametrize("field", ["previous_response_id", "conversation"])
def test_a_response_that_goes_on_with_another_is_a_conversation(field: str) -> None:
    body = {"model": "auto", "input": QUESTION, field: "id_1"}
    told = eligibility("responses", body, QUESTION, CallerHints(), ("en",))
    assert told == Eligibility(exact=True, semantic=False, store=True, reason="conversation")


@pytest.mark.parametrize("fields", [{"temperature": 1.0}, {"temperature": 0}, {"n": 1}, {"max_tokens": 5}])
def test_other_parameters_leave_the_semantic_tier_open(fields: dict[str, Any]) -> None:
    assert _allowed(**fields).semantic


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ([{"role": "assistant", "content": "Solar and wind."}], "conversation"),
        ([{"role": "tool", "tool_call_id": "1", "content": "42"}], "tool-results"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "media"),
    ],
)
def test_some_histories_allow_exact_repeats_only(history: list[dict[str, Any]], reason: str) -> None:
    allowed = _allowed(messages=[*history, {"role": "user", "content": QUESTION}])
    assert (allowed.exact, allowed.semantic, allowed.reason) == (True, False, reason)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("And the second one?", "referring"),
        ("Cancel it.", "short"),
        ("Why?", "short"),
        ("How do I do that?", "short"),
        ("What does this poem mean? " + "Solar wind and water power. " * 200, "long"),
        ("What about the other Berlin office?", "referring"),
        ("Or is Berlin cheaper?", "referring"),
        ("Can I return it after 14 days?", "referring"),
        ("Explain the last one", "referring"),
        ("Please tell me more", "referring"),
        ("Was sind die wichtigsten erneuerbaren Energien?", "language"),
        ("可再生能源有哪些？", "language"),
        ("Apa saja sumber energi terbarukan yang utama?", "language"),
    ],
)
def test_some_questions_allow_exact_repeats_only(question: str, reason: str) -> None:
    allowed = _allowed(question)
    assert (allowed.exact, allowed.semantic, allowed.store, allowed.reason) == (True, False, True, reason)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What is the weather in Paris today?", "time-sensitive"),
        ("What are the latest news about fusion?", "time-sensitive"),
        ("What time is it in Tokyo?", "time-sensitive"),
        ("Where is my order?", "personal"),
        ("What is my account balance?", "personal"),
        ("When will my refund for the parcel arrive?", "personal"),
        ("Who is the current president of France?", "time-sensitive"),
        ("Sum up the news of the day:\n" + "Nothing has happened. " * 1000, "time-sensitive"),
        ("Nothing has happened. " * 1000 + "\nIs that true for today?", "time-sensitive"),
        ("Are there live scores for the match?", "time-sensitive"),
    ],
)
def test_some_questions_bypass_the_cache_wholly(question: str, reason: str) -> None:
    assert _allowed(question) == Eligibility(exact=False, semantic=False, store=False, reason=reason)


@pytest.mark.parametrize(
    "question",
    [
        "How do I reset my account password?",
        "How can I change the email address of my account?",
        "Explain how a binary search tree works",
        "What does the GDPR require when personal data is leaked?",
    ],
)
def test_questions_about_how_to_do_a_thing_are_neither_personal_nor_short(question: str) -> None:
    assert _allowed(question).semantic


@pytest.mark.parametrize(
    "question",
    [
        "My card is missing, how do I freeze it?",
        "When do I get my P60?",
        "What's Kubernetes?",
        "Cats and dogs: which live longer?",
        "How do I sort and filter lists?",
        "Is copper more dense than iron?",
        "How do I open a current account?",
        "How long do cats live?",
        "What are the breaking changes of version 2?",
    ],
)
def test_a_question_that_names_what_it_is_about_is_neither_short_nor_referring_nor_of_the_day(question: str) -> None:
    assert _allowed(question) == Eligibility(exact=True, semantic=True, store=True)


def test_no_store_neither_reads_nor_writes() -> None:
    allowed = _allowed(hints=caller_hints({"cache-control": "no-store"}))
    assert allowed == Eligibility(exact=False, semantic=False, store=False, reason="no-store")


def test_no_cache_writes_without_reading() -> None:
    assert _allowed(hints=caller_hints({"cache-control": "no-cache"})) == Eligibility(False, False, True)


def test_hints_are_read_from_headers() -> None:
    headers = {"cache-control": 'max-age="60", No-Cache', "x-vsr-cache-ttl": "30", "x-vsr-cache-threshold": "0.97"}
    assert caller_hints(headers) == CallerHints(no_cache=True, max_age=60, ttl_seconds=30, threshold=0.97)


@pytest.mark.parametrize("value", ["", "x", "-1", "nan", "inf", "1e999"])
def test_a_hint_that_is_no_number_is_passed_over(value: str) -> None:
    assert caller_hints({"x-vsr-cache-ttl": value, "x-vsr-cache-threshold": value}) == CallerHints()


def _answer(**choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Solar."}, **choice}]}


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (200, _answer(), ""),
        (200, _answer(finish_reason="tool_calls", message={"content": None, "tool_calls": [{"id": "1"}]}), ""),
        (500, _answer(), "error"),
        (200, {"error": {"message": "x"}}, "error"),
        (200, [], "error"),
        (200, {"choices": []}, "incomplete"),
        (200, _answer(finish_reason="length"), "incomplete"),
        (200, _answer(finish_reason="content_filter"), "incomplete"),
        (200, _answer(finish_reason=None), "incomplete"),
        (200, _answer(message={"content": ""}), "empty"),
        (200, _answer(message={"content": None, "refusal": "I cannot"}), "refused"),
    ],
)
def test_only_complete_answers_are_kept(status: int, answer: Any, reason: str) -> None:
    assert refusal("chat.completions", status, answer) == reason


def test_one_incomplete_choice_spoils_the_answer() -> None:
    answer = _answer()
    answer["choices"].append({"index": 1, "finish_reason": "length", "message": {"content": "So"}})
    assert refusal("chat.completions", 200, answer) == "incomplete"


@pytest.mark.parametrize(
    "answer",
    [
        b'{"choices": [{"message": {"tool_calls": [{"id": "1"}]}}]}',
        b'{"choices": [{"message": {"function_call": {"name": "f"}}}]}',
        b'{"output": [{"type": "reasoning"}, {"type": "function_call", "name": "f"}]}',
        b'{"output": [{"type": "web_search_call"}]}',
        b'{"stop_reason": "tool_use", "content": [{"type": "tool_use"}]}',
    ],
)
def test_tool_calls_are_noticed_in_an_answer(answer: bytes) -> None:
    assert has_tool_calls(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"choices": [{"message": {"content": "the word \\"tool_calls\\" alone"}}]}',
        b'{"choices": [{"message": "tool_calls"}, null]}',
        b'{"output": [{"type": "message", "content": "function_call"}]}',
    ],
)
def test_a_word_is_no_tool_call(answer: bytes) -> None:
    assert not has_tool_calls(answer)
