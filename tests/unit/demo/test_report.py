"""The demo's report: what a person reads is what was measured."""

from rich.console import Console

from semantic_router_proxy.demo.questions import TOPICS
from semantic_router_proxy.demo.report import Answer, CacheNumbers, TopicResult, results_table, summary


def _answer(milliseconds: float, cache: str, tier: str = "", similarity: float | None = None) -> Answer:
    return Answer(milliseconds, cache, tier, similarity, "small", "customer-service", "…")


def _result(*, look_alike: Answer) -> TopicResult:
    return TopicResult(
        TOPICS[0],
        cold=_answer(800, "miss"),
        again=_answer(2, "hit", "exact", 1.0),
        after_restart=_answer(4, "hit", "exact", 1.0),
        paraphrase=_answer(8, "hit", "semantic", 0.93),
        look_alike=look_alike,
    )


def _printed(*parts: object) -> str:
    console = Console(width=140, record=True, color_system=None)
    for part in parts:
        console.print(part)
    return console.export_text()


def test_the_table_shows_every_way_of_asking() -> None:
    text = _printed(results_table([_result(look_alike=_answer(790, "miss"))]))
    lines = {key: line for line in text.splitlines() for key in ("again, after", "≈ How", "≠ How") if key in line}
    assert "800" in text
    assert "exact" in lines["again, after"]
    assert "semantic" in lines["≈ How"]
    assert "0.930" in lines["≈ How"]
    assert "790" in lines["≠ How"]
    assert "miss" in lines["≠ How"]


def test_the_summary_counts_from_the_answers() -> None:
    numbers = CacheNumbers(entries=18, operations={"find_similar hit_local": 9, "find_similar miss": 0}, hit_ratio=0.5)
    text = _printed(summary([_result(look_alike=_answer(790, "miss"))], numbers, "a stand-in", 1.5))
    assert "1 of 1 answers survived" in text
    assert "ready again after 1.5 s" in text
    assert "0 of 1 answered wrongly" in text
    assert "2.4 s over 3 answers" in text  # (800 - 2) + (800 - 4) + (800 - 8) = 2386 ms
    assert "18 entries, hit ratio 50%" in text
    assert "miss 0" not in text


def test_a_wrong_answer_is_shown_as_one() -> None:
    text = _printed(summary([_result(look_alike=_answer(3, "hit", "semantic", 0.97))], CacheNumbers(0), "x", 0))
    assert "✗ 1 of 1 answered wrongly" in text
