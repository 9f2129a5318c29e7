"""The operator's look through an archive agrees with the router that writes it, damage included."""

import gzip
import io

import numpy as np
import pytest
from tests.milvus.entries import entry
from tests.unit.cache.conftest import DIMENSION

from semantic_router_operator.backup.archive import ArchiveContent, look_through
from semantic_router_operator.backup.failure import BackupError
from semantic_router_proxy.cache.archive import ArchiveHeader, write_archive

HEADER = ArchiveHeader("words@1/32", DIMENSION)


def archive(entries: int) -> bytes:
    return b"".join(write_archive(HEADER, [entry(number) for number in range(entries)]))


@pytest.mark.parametrize("entries", [0, 1, 200, 201, 999])
def test_it_counts_what_the_router_wrote(entries: int) -> None:
    assert look_through(io.BytesIO(archive(entries))) == ArchiveContent(entries, "words@1/32", DIMENSION)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_one_is_refused(share: float) -> None:
    whole = archive(500)
    with pytest.raises(BackupError, match="ends too early") as found:
        look_through(io.BytesIO(whole[: int(len(whole) * share)]))
    assert found.value.reason == "ArchiveDamaged"


def test_every_altered_byte_is_found() -> None:
    whole = bytearray(archive(60))
    for position in np.random.default_rng(7).integers(12, len(whole), 40):
        altered = bytes(whole[:position]) + bytes([whole[position] ^ 1]) + bytes(whole[position + 1 :])
        with pytest.raises(BackupError, match="damaged"):
            look_through(io.BytesIO(altered))


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"format":"other"}'],
        [b"[]"],
        [b"text"],
        [b'{"format":"semantic-router-cache","version":1}', b'{"end":1,"sha256":"00"}'],
    ],
)
def test_what_is_no_archive_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(BackupError, match="damaged at line"):
        look_through(io.BytesIO(gzip.compress(b"\n".join(lines) + b"\n")))


def test_something_after_the_end_is_refused() -> None:
    text = gzip.decompress(archive(3)) + b"{}\n"
    with pytest.raises(BackupError, match="after the end"):
        look_through(io.BytesIO(gzip.compress(text)))
