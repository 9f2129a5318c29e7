"""What the release check refuses: versions that differ, a changelog without its section, licences that bind."""

from collections.abc import Callable
from pathlib import Path

import pytest
from release import check, licences

from semantic_router_proxy.version import __version__


def test_the_version_stands_in_one_place() -> None:
    assert check.version() == __version__
    assert list(check.versions(__version__)) == []


def test_every_place_that_repeats_the_version_is_found() -> None:
    problems = list(check.versions("9.9.9"))
    assert {each.split(":")[0] for each in problems} == set(check.REPEATED)
    assert len(problems) >= sum(len(patterns) for patterns in check.REPEATED.values())


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("# Changelog\n\n## Unreleased\n\n## 1.0.0 (2026-12-01)\n\n- All.\n", []),
        ("# Changelog\n\n## 1.0.0 (2026-12-01)\n\n- All.\n", []),
        ("# Changelog\n\n## Unreleased\n\n- New.\n", ["no section `## 1.0.0", "under Unreleased"]),
        ("# Changelog\n\n## 1.0.0 (2026-12-01)\n\n## 0.9.0 (2026-01-01)\n\n- Old.\n", ["no section `## 1.0.0"]),
    ],
)
def test_the_changelog_has_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problems: list[str]
) -> None:
    (tmp_path / "CHANGELOG.md").write_text(text)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    found = list(check.changelog("1.0.0"))
    assert len(found) == len(problems)
    assert all(words in line for words, line in zip(problems, found, strict=True))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_to(licence: str) -> None:
        monkeypatch.setattr(licences, "licence_of", lambda _: licence)

    return set_to


@pytest.mark.parametrize("licence", ["GPL-3.0", "AGPL-3.0-only", "LGPL-2.1", "Proprietary", "", "MIT AND GPL-2.0"])
def test_a_licence_that_may_not_ship_is_refused_by_name(said: Callable[[str], None], licence: str) -> None:
    said(licence)
    with pytest.raises(licences.LicenceError, match=r"pydantic: .* is not among the licences that may ship"):
        licences.packages()


def test_what_ships_is_allowed() -> None:
    found = {each.name: each for each in licences.packages()}
    assert found["kopf"].images == ("operator",)
    assert found["pymilvus"].images == ("router", "operator")
    assert found["hnswlib"].licence == "Apache-2.0"


def test_a_pin_for_another_system_does_not_ship(tmp_path: Path) -> None:
    file = tmp_path / "pins.txt"
    file.write_text(
        "# made by hand\ncolorama==1 ; sys_platform == 'win32' \\\n    --hash=sha256:0\nattrs==2 \\\n  --hash=x\n"
    )
    assert licences.pinned(file) == ["attrs"]
