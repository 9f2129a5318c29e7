"""What a migration's status means for the person who watches it."""

import pytest
import typer

from semantic_router_operator.commands.migrate import former, shown


def _resource(**migration: object) -> dict[str, object]:
    return {"metadata": {"name": "web"}, "status": {"migration": migration}}


def test_steps_are_shown_once_they_have_begun() -> None:
    passed = [{"step": "Provisioning"}, {"step": "Verifying"}]
    assert shown({"passed": passed, "step": "Warming"}) == [
        ("Provisioning", True),
        ("Verifying", True),
        ("Warming", False),
    ]
    assert shown({"passed": passed, "outcome": "Completed"})[-1] == ("Verifying", True)
    assert shown({}) == []


def test_going_back_asks_for_the_former_backend() -> None:
    raw = _resource(**{"from": {"backend": "memory"}, "to": {"backend": "hybrid"}})
    assert former(raw) == {"spec": {"cache": {"backend": "memory"}}}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"metadata": {"name": "web"}}, "nothing to go back to"),
        (_resource(**{"from": {"backend": "hybrid"}, "to": {"backend": "hybrid"}}), "spec.milvus"),
    ],
)
def test_where_it_cannot_tell_it_says_what_to_do(
    raw: dict[str, object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as stopped:
        former(raw)
    assert stopped.value.exit_code == 2
    assert words in capsys.readouterr().err
