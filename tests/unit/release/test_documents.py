"""The documents: commands are tested or say why not, links lead somewhere, make targets and YAML are real."""

import re
from pathlib import Path

import pytest
import yaml
from tests.documents import ROOT, Block, blocks, commands, pages

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
_TARGET = re.compile(r"^([a-z0-9-]+):.*##", re.MULTILINE)


@pytest.mark.parametrize("block", commands(), ids=lambda block: f"{block.page}:{block.line}")
def test_commands_say_how_they_are_tested(block: Block) -> None:
    assert block.kind, f"{block.page}:{block.line}: the line before this block has to say how it is tested"
    assert block.language, f"{block.page}:{block.line}: name the language (console)"
    if block.tested_in is not None:
        assert block.tested_in.is_file(), block.tested_in


def test_one_document_starts_the_router() -> None:
    assert sum(block.kind == "serve" for block in commands()) == 1


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    for page in pages():
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z0-9-]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, f"{page}: {sorted(named - targets)}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for found in _LINK.findall(_without_code(page.read_text())):
        target = next(filter(None, found))
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in _anchors(file), f"{page}: {target}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_yaml_can_be_read(page: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            list(yaml.safe_load_all(block.text))


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+?)\s*$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
