"""What people are shown of backups and restores."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from semantic_router_operator.commands.backup import line, row
from semantic_router_operator.commands.restore import chosen
from semantic_router_operator.commands.size import size_text
from semantic_router_operator.commands.status import facts
from semantic_router_operator.plugin import app

Json = dict[str, Any]
ASKED: Json = {"routerRef": {"name": "web"}, "backup": {"latest": True}}


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1024, "1 KiB"), (1_300_000, "1.24 MiB"), (5 << 40, "5 TiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size_text(count) == text


def test_the_state_of_the_schedule_is_one_line() -> None:
    told: Json = {"lastName": "sr_1", "lastTime": "2026-11-21T02:00:09Z", "lastRows": 7, "lastBytes": 2048}
    assert line(told) == "sr_1 at 2026-11-21T02:00:09Z (7 entries, 2 KiB)"
    more = {**told, "nextTime": "2026-11-22T02:00:00Z", "failures": 2, "lastVerifiedTime": "2026-11-15T04:31:00Z"}
    assert line(more).endswith(
        "; next at 2026-11-22T02:00:00Z; restored on trial at 2026-11-15T04:31:00Z; 2 failed since"
    )
    assert line({"nextTime": "2026-11-22T02:00:00Z"}) == "none yet; next at 2026-11-22T02:00:00Z"


def test_a_backup_that_nobody_has_taken_up_is_pending() -> None:
    shown = row({"metadata": {"name": "web-1"}})
    assert (shown["phase"], shown["backup"], shown["rows"]) == ("Pending", None, None)


@pytest.mark.parametrize(
    ("choice", "spec"),
    [
        ({"latest": True, "name": None, "before": None}, {"latest": True}),
        ({"latest": False, "name": "sr_1", "before": None}, {"name": "sr_1"}),
        ({"latest": False, "name": None, "before": "2026-11-21T12:00:00Z"}, {"before": "2026-11-21T12:00:00Z"}),
    ],
)
def test_one_backup_is_chosen(choice: Json, spec: Json) -> None:
    assert chosen(**choice) == spec


@pytest.mark.parametrize("choice", [{"latest": False, "name": None}, {"latest": True, "name": "sr_1"}])
def test_none_or_two_are_refused(choice: Json, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stopped:
        chosen(**choice, before=None)
    assert stopped.value.exit_code == 2
    assert "--latest, --name NAME and --before TIME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["backup", "--help"], ("list",)),
        (["backup", "now", "--help"], ("--engine", "SemanticCacheBackup")),
        (["backup", "web", "--help"], ("--engine",)),
        (["backup", "list", "--help"], ("--output",)),
        (["restore", "--help"], ("--latest", "--before", "--dry-run", "--serving")),
    ],
)
def test_every_command_tells_its_options(arguments: list[str], words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "120", "TERM": "dumb"})
    assert shown.exit_code == 0
    assert all(word in shown.output for word in words)


@pytest.mark.parametrize(
    ("restore", "text"),
    [
        ({"step": "Checking"}, "[·······] 0/7 Checking"),
        ({"step": "Switching", "passed": ["Checking", "SettingAside", "Loading", "Comparing"]}, "[====···] 4/7"),
        ({"step": "Dropping", "passed": ["Checking", "SettingAside", "Loading"]}, "[==·····] 2/7 Dropping"),
        ({"outcome": "Completed"}, "Completed at 2026-11-21T12:00:00Z (web-1)"),
    ],
)
def test_the_status_draws_how_far_a_restore_is(restore: Json, text: str) -> None:
    passed = [{"step": each} for each in restore.get("passed", ())]
    told = {**restore, "asked": ASKED, "name": "web-1", "since": "2026-11-21T12:00:00Z", "passed": passed}
    shown = dict(facts({"metadata": {"name": "web"}, "status": {"restore": told}}))
    assert text in (shown.get("restore") or shown["last restore"])
