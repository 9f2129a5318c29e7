"""The archive of a cache: JSON lines in gzip, checked as they are read.

The first line is a header, then come entries, and after each portion a checkpoint with the SHA-256 of everything
before it; the last line is a checkpoint that says `end`. What is read out of an archive has passed its checkpoint: an
archive that was cut off or altered gives the portions before the damage and then an ArchiveError that says where.
"""

import base64
import binascii
import gzip
import hashlib
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import IO, Any

import numpy as np
import orjson

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader

FORMAT = "semantic-router-cache"
VERSION = 1
CHUNK_ENTRIES = 200
_CHUNK_BYTES = 8 * 1024 * 1024
# An entry has at most 4 MiB of request and of answer, and base64 or escapes enlarge them.
_LONGEST_LINE = 32 * 1024 * 1024
_TEXTS = ("entry_id", "partition", "exact_key", "scope", "model", "query", "decision")
_HEXADECIMAL = frozenset("0123456789abcdef")


class ArchiveError(Exception):
    """An archive that cannot be read; the message says in which line, and after how many good entries."""


@dataclass(frozen=True, slots=True)
class ArchiveHeader:
    """Where the entries come from. `embedder` is `str(EmbedderIdentity)`: vectors of another one mean nothing.
    `policy` is the policy epoch of the router that wrote the archive; empty where it came out of a store alone."""

    embedder: str
    dimension: int
    policy: str = ""

    def has_vectors_of(self, other: "ArchiveHeader") -> bool:
        """Whether the vectors can be compared with another archive's or cache's."""
        return (self.embedder, self.dimension) == (other.embedder, other.dimension)


def write_archive(header: ArchiveHeader, entries: Iterable[CacheEntry]) -> Iterator[bytes]:
    """Yield the archive piece by piece, compressed."""
    writer = ArchiveWriter(header)
    for entry in entries:
        yield writer.add(entry)
    yield writer.finish()


class ArchiveWriter:
    """Turns entries into pieces of an archive; the pieces one after another are the file."""

    def __init__(self, header: ArchiveHeader) -> None:
        self.header = header
        self._zip = zlib.compressobj(level=6, wbits=31)
        self._digest = hashlib.sha256()
        self._pending = b""
        self._open_entries = 0
        self._open_bytes = 0
        self.entries = 0
        self._line({"format": FORMAT, "version": VERSION, **asdict(header)})

    def add(self, entry: CacheEntry) -> bytes:
        """Return the next piece, mostly empty."""
        self.entries += 1
        self._open_entries += 1
        self._open_bytes += self._line(_from_entry(entry))
        if self._open_entries >= CHUNK_ENTRIES or self._open_bytes >= _CHUNK_BYTES:
            self._checkpoint(end=False)
        return self._piece()

    def finish(self) -> bytes:
        """Return the last piece."""
        self._checkpoint(end=True)
        return self._piece() + self._zip.flush()

    def _checkpoint(self, *, end: bool) -> None:
        self._line({"end" if end else "checkpoint": self.entries, "sha256": self._digest.hexdigest()})
        self._open_entries = self._open_bytes = 0

    def _line(self, content: dict[str, Any]) -> int:
        line = orjson.dumps(content) + b"\n"
        self._digest.update(line)
        self._pending += self._zip.compress(line)
        return len(line)

    def _piece(self) -> bytes:
        piece, self._pending = self._pending, b""
        return piece


class ArchiveReader:
    """Reads an archive, compressed or not. Raises ArchiveError, also from `portions`."""

    def __init__(self, file: IO[bytes]) -> None:
        start = file.read(2)
        file.seek(0)
        self._lines: IO[bytes] = gzip.GzipFile(fileobj=file) if start == b"\x1f\x8b" else file  # type: ignore[assignment]
        self._digest = hashlib.sha256()
        self._number = 0
        self._good = 0
        content, _ = self._next()
        if content.get("format") != FORMAT:
            raise self._damage("the file is no archive of a cache")
        if content.get("version") != VERSION:
            raise self._damage(f"the archive has version {content.get('version')!r}, this program reads {VERSION}")
        embedder, dimension = content.get("embedder"), content.get("dimension")
        if not isinstance(embedder, str) or not isinstance(dimension, int) or not 0 < dimension <= 65_536:
            raise self._damage("the header names no embedding model")
        policy = content.get("policy", "")
        if not isinstance(policy, str):
            raise self._damage("the header's policy is no text")
        self.header = ArchiveHeader(embedder, dimension, policy)

    def portions(self) -> Iterator[list[CacheEntry]]:
        """Yield the entries, in portions that have passed their checkpoints."""
        portion: list[CacheEntry] = []
        while True:
            content, before = self._next()
            count = content.get("end", content.get("checkpoint"))
            if count is None:
                portion.append(self._entry(content))
                continue
            if content.get("sha256") != before:
                raise self._damage("the checksum does not fit: the archive was altered")
            if count != self._good + len(portion):
                raise self._damage(f"{count!r} entries were written up to here, {self._good + len(portion)} are there")
            self._good += len(portion)
            if portion:
                yield portion
            portion = []
            if "end" in content:
                self._expect_end()
                return

    def _next(self) -> tuple[dict[str, Any], str]:
        """Return the next line, and the digest of all before it."""
        self._number += 1
        line = self._read()
        if not line.endswith(b"\n"):
            too_long = len(line) > _LONGEST_LINE
            raise self._damage("the line is too long" if too_long else "the archive ends too early")
        before = self._digest.hexdigest()
        self._digest.update(line)
        try:
            content = orjson.loads(line)
        except orjson.JSONDecodeError:
            content = None
        if not isinstance(content, dict):
            raise self._damage("the line is no JSON object")
        return content, before

    def _read(self) -> bytes:
        try:
            return self._lines.readline(_LONGEST_LINE + 1)
        except EOFError:
            raise self._damage("the archive ends too early") from None
        except (OSError, zlib.error) as error:
            raise self._damage(f"the compressed data is damaged ({error})") from None

    def _expect_end(self) -> None:
        self._number += 1
        if self._read():
            raise self._damage("there is something after the end")

    def _entry(self, content: dict[str, Any]) -> CacheEntry:
        try:
            return _to_entry(content, self.header.dimension)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise self._damage(f"the entry is not usable ({error})") from None

    def _damage(self, reason: str) -> ArchiveError:
        return ArchiveError(f"line {self._number}: {reason}. {self._good} entries before that are good")


def _from_entry(entry: CacheEntry) -> dict[str, Any]:
    vector = entry.embedding
    return {
        **asdict(entry.header),
        "request": _from_document(entry.request),
        "response": _from_document(entry.response),
        "embedding": None if vector is None else base64.b64encode(vector.astype("<f4").tobytes()).decode(),
    }


def _to_entry(content: dict[str, Any], dimension: int) -> CacheEntry:
    """Raises KeyError, TypeError and ValueError with words that hold nothing of the content."""
    texts = {name: content[name] for name in _TEXTS}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text")
    for name in ("entry_id", "partition", "exact_key"):
        if (
            not _HEXADECIMAL.issuperset(texts[name])
            or len(texts[name]) > 64
            or (name != "exact_key" and not texts[name])
        ):
            raise ValueError(f"{name} is no key")
    times = {name: float(content[name]) for name in ("created_at", "expires_at")}
    if not all(math.isfinite(time) and time >= 0 for time in times.values()):
        raise ValueError("a time is not usable")
    vector = None
    if content["embedding"] is not None:
        vector = np.frombuffer(base64.b64decode(content["embedding"], validate=True), dtype="<f4").astype(np.float32)
        if (
            vector.shape != (dimension,)
            or not np.isfinite(vector).all()
            or abs(np.linalg.norm(vector.astype(np.float64)) - 1) > 1e-2
        ):
            raise ValueError("the embedding is no unit vector of the archive's dimension")
    if bool(content["semantic"]) and vector is None:
        raise ValueError("the embedding is missing")
    header = EntryHeader(
        **texts, created_at=times["created_at"], expires_at=times["expires_at"], semantic=bool(content["semantic"])
    )
    return CacheEntry(header, _to_document(content["request"]), _to_document(content["response"]), vector)


def _from_document(document: bytes) -> str | dict[str, str]:
    """Keep a document readable where it is text; whatever it is, it comes back to the byte."""
    try:
        return document.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(document).decode()}


def _to_document(content: object) -> bytes:
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, dict) and isinstance(content.get("base64"), str):
        return base64.b64decode(content["base64"], validate=True)
    raise TypeError("a document is no text")
