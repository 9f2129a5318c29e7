"""What the verifier is asked, and how its answer is read: whatever is no plain yes is a miss."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.cache.verify import LONGEST, Outcome, messages, outcome, said


@pytest.mark.parametrize("text", ["YES", "yes", " Yes.\n", "**YES**", "<think>no, wait, they differ</think>\nYES"])
def test_a_plain_yes_is_accepted(text: str) -> None:
    assert outcome(text) is Outcome.ACCEPTED


@pytest.mark.parametrize("text", ["NO", "no", "No, the years differ.", "<think>yes?</think> NO"])
def test_a_no_is_rejected(text: str) -> None:
    assert outcome(text) is Outcome.REJECTED


@pytest.mark.parametrize(
    "text", ["", "maybe", "YES and NO", "Yes, but", "yesterday", "<think>yes", "I say YES", "1", "ja"]
)
def test_everything_else_is_unclear(text: str) -> None:
    assert outcome(text) is Outcome.UNCLEAR


@given(st.text())
def test_only_the_word_yes_is_ever_accepted(text: str) -> None:
    if outcome(text) is Outcome.ACCEPTED:
        assert "yes" in text.lower()


@given(st.text(max_size=200), st.text(max_size=200))
def test_questions_are_handed_over_as_data(stored: str, asked: str) -> None:
    told = messages(stored, asked)
    assert told is not None
    assert [each["role"] for each in told] == ["system", "user"]
    assert json.loads(told[1]["content"]) == {"first": stored, "second": asked}


def test_a_question_that_is_too_long_is_not_verified() -> None:
    assert messages("a" * (LONGEST + 1), "b") is None
    assert messages("b", "a" * (LONGEST + 1)) is None


def test_the_text_of_a_completion() -> None:
    assert said({"choices": [{"message": {"content": "YES"}}]}) == "YES"


@pytest.mark.parametrize(
    "answer", [{}, [], "x", None, {"choices": []}, {"choices": [{"message": {"content": None}}]}, {"error": {}}]
)
def test_what_is_no_completion_is_an_error(answer: object) -> None:
    with pytest.raises((LookupError, TypeError)):
        said(answer)
