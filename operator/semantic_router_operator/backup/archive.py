"""Looks through an archive of `semantic-router cache export`: is it whole, and what is in it.

The archive is JSON lines in gzip, with the SHA-256 of all lines before it in each checkpoint; the last line is a
checkpoint that says `end`. Its writer is the router's, whose code the operator does not import; entries are only
counted here, and decoded where they are restored.
"""

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import IO, Any

from semantic_router_operator.backup.failure import BackupError

_FORMAT = "semantic-router-cache"
_ENTRY = b'{"entry_id":'
# An entry has at most 4 MiB of request and of answer, and base64 or escapes enlarge them.
_LONGEST_LINE = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveContent:
    """How many entries are in an archive, and whose vectors."""

    rows: int
    embedder: str
    dimension: int


def look_through(file: IO[bytes]) -> ArchiveContent:
    """Read an archive to its end. Raises BackupError(ArchiveDamaged)."""
    lines: IO[bytes] = gzip.GzipFile(fileobj=file)  # type: ignore[assignment]
    digest = hashlib.sha256()
    number = rows = 0
    header: dict[str, Any] = {}
    while True:
        number += 1
        line = _line(lines, number, rows)
        if line.startswith(_ENTRY):
            digest.update(line)
            rows += 1
            continue
        before = digest.hexdigest()
        digest.update(line)
        content = _content(line, number, rows)
        if number == 1:
            header = content
            if content.get("format") != _FORMAT:
                raise _damage(number, rows, "the file is no archive of a cache")
            continue
        if content.get("sha256") != before or content.get("end", content.get("checkpoint")) != rows:
            raise _damage(number, rows, "the checksum does not fit")
        if "end" in content:
            if _rest(lines, number, rows):
                raise _damage(number, rows, "there is something after the end")
            return ArchiveContent(rows, str(header.get("embedder", "")), int(header.get("dimension") or 0))


def _line(lines: IO[bytes], number: int, rows: int) -> bytes:
    try:
        line = lines.readline(_LONGEST_LINE + 1)
    except EOFError:
        raise _damage(number, rows, "it ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _damage(number, rows, f"its compressed data is broken ({error})") from None
    if not line.endswith(b"\n"):
        raise _damage(number, rows, "a line is too long" if len(line) > _LONGEST_LINE else "it ends too early")
    return line


def _rest(lines: IO[bytes], number: int, rows: int) -> bytes:
    try:
        return lines.read(1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damage(number, rows, f"its end is broken ({error})") from None


def _content(line: bytes, number: int, rows: int) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _damage(number, rows, "the line is no JSON object")
    return content


def _damage(number: int, rows: int, what: str) -> BackupError:
    return BackupError("ArchiveDamaged", f"The archive is damaged at line {number}, after {rows} entries: {what}.")
