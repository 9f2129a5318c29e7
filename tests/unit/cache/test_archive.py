"""Archives come back to the byte, and a damaged one says where."""

import gzip
import hashlib
import io
import string
from dataclasses import asdict

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_router_proxy.cache.archive import CHUNK_ENTRIES, ArchiveError, ArchiveHeader, ArchiveReader, write_archive
from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader
from semantic_router_proxy.cache.transfer import policy_of

HEADER = ArchiveHeader("words@1/4", 4)
_KEYS = st.text("0123456789abcdef", min_size=1, max_size=64)
_TIMES = st.floats(0, 4e9, allow_nan=False)


@st.composite
def _entries(draw: st.DrawFn) -> CacheEntry:
    semantic = draw(st.booleans())
    values = draw(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4).filter(lambda row: any(row)))
    vector = np.array(values, dtype=np.float64)
    length = np.linalg.norm(vector)
    vector = (vector / length if length > 1e-20 else np.eye(4)[0]).astype(np.float32)
    header = EntryHeader(
        entry_id=draw(_KEYS),
        partition=draw(_KEYS),
        exact_key=draw(st.one_of(st.just(""), _KEYS)),
        scope=draw(st.text()),
        model=draw(st.text()),
        query=draw(st.text()),
        semantic=semantic,
        created_at=draw(_TIMES),
        expires_at=draw(_TIMES),
        decision=draw(st.text()),
    )
    return CacheEntry(header, draw(st.binary()), draw(st.binary()), vector if semantic else None)


def _plain(number: int) -> CacheEntry:
    header = EntryHeader(f"{number:x}", "ab", "", "", "m", f"question {number}", True, 1.0, 0.0)
    return CacheEntry(header, b"{}", b'{"answer": "a"}', np.eye(4, dtype=np.float32)[0])


def _archive(entries: list[CacheEntry]) -> bytes:
    return b"".join(write_archive(HEADER, entries))


def _read(archive: bytes) -> list[CacheEntry]:
    return [entry for portion in ArchiveReader(io.BytesIO(archive)).portions() for entry in portion]


@settings(max_examples=60, deadline=None)
@given(st.lists(_entries(), max_size=5))
def test_what_was_written_is_read_to_the_byte(entries: list[CacheEntry]) -> None:
    read = _read(_archive(entries))
    assert [asdict(entry.header) for entry in read] == [asdict(entry.header) for entry in entries]
    for before, after in zip(entries, read, strict=True):
        assert (after.request, after.response) == (before.request, before.response)
        if before.embedding is None:
            assert after.embedding is None
        else:
            assert after.embedding is not None
            assert after.embedding.tobytes() == before.embedding.tobytes()
    assert _archive(read) == _archive(entries)


def test_portions_are_checked_one_by_one() -> None:
    entries = [_plain(number) for number in range(2 * CHUNK_ENTRIES + 5)]
    portions = list(ArchiveReader(io.BytesIO(_archive(entries))).portions())
    assert [len(portion) for portion in portions] == [CHUNK_ENTRIES, CHUNK_ENTRIES, 5]


def test_an_empty_archive_is_whole() -> None:
    assert _read(_archive([])) == []


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_truncated_archive_is_refused_wherever_it_ends(data: st.DataObject) -> None:
    whole = _archive([_plain(number) for number in range(30)])
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(ArchiveError, match=r"line \d+: .* (0|30) entries before that are good"):
        _read(cut)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_an_altered_archive_is_refused_whatever_is_altered(data: st.DataObject) -> None:
    lines = gzip.decompress(_archive([_plain(number) for number in range(10)]))
    place = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != lines[place]))
    with pytest.raises(ArchiveError):
        _read(lines[:place] + bytes([other]) + lines[place + 1 :])


def test_damage_in_the_second_portion_leaves_the_first() -> None:
    lines = gzip.decompress(_archive([_plain(number) for number in range(CHUNK_ENTRIES + 10)])).splitlines(
        keepends=True
    )
    del lines[CHUNK_ENTRIES + 4]
    portions = ArchiveReader(io.BytesIO(b"".join(lines))).portions()
    assert len(next(portions)) == CHUNK_ENTRIES
    with pytest.raises(ArchiveError, match=f"checksum.*{CHUNK_ENTRIES} entries before that are good"):
        next(portions)


def test_something_after_the_end_is_refused() -> None:
    lines = gzip.decompress(_archive([_plain(1)]))
    with pytest.raises(ArchiveError, match="after the end"):
        _read(lines + lines)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"hello\n", b"\x1f\x8b", string.ascii_letters.encode()])
def test_something_else_is_no_archive(content: bytes) -> None:
    with pytest.raises(ArchiveError, match="line 1"):
        ArchiveReader(io.BytesIO(content))


def test_a_newer_version_is_refused() -> None:
    lines = gzip.decompress(_archive([])).replace(b'"version":1', b'"version":2')
    with pytest.raises(ArchiveError, match="version 2, this program reads 1"):
        ArchiveReader(io.BytesIO(lines))


def test_an_archive_from_before_policies_were_written_is_read() -> None:
    first = (
        orjson.dumps({"format": "semantic-router-cache", "version": 1, "embedder": "words@1/4", "dimension": 4}) + b"\n"
    )
    last = orjson.dumps({"end": 0, "sha256": hashlib.sha256(first).hexdigest()}) + b"\n"
    reader = ArchiveReader(io.BytesIO(first + last))
    assert reader.header == HEADER
    assert list(reader.portions()) == []
    assert policy_of(reader.header, ["a policy"]) is None
