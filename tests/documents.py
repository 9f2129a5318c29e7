"""The documents' command blocks and how each is tested: the line before a block says it, unseen by readers.

`<!-- test: serve -->`         starts the router that the next ones talk to (one in all documents)
`<!-- test: run -->`           run in the project's folder, beside that router and a model server on port 8000
`<!-- test: cluster -->`       run by e2e/test_docs.py on a cluster, page by page and in order
`<!-- test: in PATH -->`       a test that exists runs these commands, with other values
`<!-- needs REASON -->`        what it needs is not to be had in a test: a cloud, a registry, a cluster with a fault
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHELLS = {"console", "bash", "sh", "shell"}
_MARK = re.compile(r"^<!-- (?:test: (serve|run|cluster|in (?P<path>\S+))|(needs) .+) -->$")
_COMMAND = re.compile(r"^\s*(\$ |(semantic-router|kubectl|helm|curl|make|docker|podman|pip|python3?|git)\b)")


@dataclass(frozen=True)
class Block:
    """A fenced block; `mark` is the text of its test comment, empty where there is none."""

    page: str
    line: int
    language: str
    text: str
    mark: str

    @property
    def kind(self) -> str:
        """serve, run, cluster, in, needs; empty where it is not marked as it should be."""
        found = _MARK.match(self.mark)
        return (found[1] or found[3]).split()[0] if found else ""

    @property
    def tested_in(self) -> Path | None:
        """The test that runs it, where the mark names one."""
        found = _MARK.match(self.mark)
        return ROOT / found["path"] if found and found["path"] else None

    @property
    def is_commands(self) -> bool:
        """Whether it is for a shell, by its language or, without one, by its look."""
        return self.language in SHELLS or (not self.language and _COMMAND.match(self.text) is not None)


def pages() -> list[Path]:
    """Every document that people read."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    name, lines = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8").splitlines()
    opened, fence = None, ""
    for number, line in enumerate(lines):
        stripped = line.strip()
        if opened is None and stripped.startswith("```"):
            opened, fence = number, stripped.rstrip("abcdefghijklmnopqrstuvwxyz")
        elif opened is not None and stripped == fence:
            language = lines[opened].strip().removeprefix(fence)
            before = lines[opened - 1].strip() if opened else ""
            mark = before if before.startswith("<!--") else ""
            yield Block(name, opened + 1, language, "\n".join(lines[opened + 1 : number]), mark)
            opened = None


def commands() -> list[Block]:
    """Every block for a shell in every document."""
    return [block for page in pages() for block in blocks(page) if block.is_commands]
