"""What a pod says at its end is read back, whatever its length, and nothing else is taken for it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from semantic_router_operator.backup.result import LONGEST, Result, parse_result, result_text


def test_a_result_comes_back() -> None:
    result = Result("backup", message="3 rows are saved.", name="a", rows=3, bytes=0, pruned=["b"], kept=2)
    assert parse_result(result_text(result)) == result
    assert parse_result("some lines of a log\n" + result_text(result) + "\n") == result
    assert "replication" not in json.loads(result_text(result))


@given(
    message=st.text(max_size=60).map(lambda text: text * 100),
    names=st.lists(st.text(max_size=40), max_size=8).map(lambda names: names * 30),
    warnings=st.lists(st.text(max_size=40), max_size=3).map(lambda texts: [text * 40 for text in texts]),
)
def test_it_always_fits_a_termination_message(message: str, names: list[str], warnings: list[str]) -> None:
    result = Result("backup", outcome="failed", reason="Failed", message=message, pruned=names, warnings=warnings)
    text = result_text(result)
    assert len(text.encode()) <= LONGEST
    assert "\n" not in text
    found = parse_result(text)
    assert found is not None
    assert (found.outcome, found.reason) == ("failed", "Failed")


def test_what_is_no_result_is_none() -> None:
    assert parse_result("") is None
    assert parse_result("Killed") is None
    assert parse_result("[1]") is None
    assert parse_result('{"operation": "backup"}') is None
    assert parse_result('{"operation": "backup", "outcome": "perhaps"}') is None


def test_values_of_the_wrong_kind_are_left_out() -> None:
    found = parse_result('{"operation": "backup", "outcome": "succeeded", "rows": "many", "bytes": -1, "kept": true}')
    assert found == Result("backup")
