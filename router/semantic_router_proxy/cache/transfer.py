"""Moving a cache's entries out of a backend and into one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO

from semantic_router_proxy.cache.archive import ArchiveError, ArchiveHeader, ArchiveReader, ArchiveWriter
from semantic_router_proxy.cache.backend import EVERYTHING, CacheBackend
from semantic_router_proxy.cache.entry import Selection

# A page is in memory at once, answers included; Milvus Lite looks at all rows for each.
_PAGE_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Imported:
    """`read` entries were in the archive, `held` of them the cache has now. The others had expired or are too large."""

    read: int
    held: int


async def export_entries(
    backend: CacheBackend, header: ArchiveHeader, selection: Selection = EVERYTHING
) -> AsyncIterator[bytes]:
    """Yield an archive of the living entries that match, piece by piece. Raises StoreUnavailable.

    An archive whose end is missing is refused by `ArchiveReader`, so a reader notices when this ended by an error.
    """
    writer = ArchiveWriter(header)
    cursor: str | None = ""
    while cursor is not None:
        page = await backend.read_entries(cursor, _PAGE_ENTRIES)
        for entry in page.entries:
            if selection.matches(entry.header) and (piece := writer.add(entry)):
                yield piece
        cursor = page.cursor
    yield writer.finish()


def check_origin(found: ArchiveHeader, wanted: ArchiveHeader) -> None:
    """Raises ArchiveError where an archive's vectors are another model's."""
    if found != wanted:
        raise ArchiveError(
            f"the archive holds vectors of the embedding model {found.embedder}, this cache uses {wanted.embedder}. "
            "Import it into a cache of that model and run `semantic-router cache reembed` there"
        )


async def import_entries(backend: CacheBackend, wanted: ArchiveHeader, file: IO[bytes], skip: int = 0) -> Imported:
    """Put an archive's entries in, keeping ids and times; importing twice changes nothing.

    The first `skip` entries are checked and passed over. Raises ArchiveError, with everything before the damage
    already put in, and StoreUnavailable.
    """
    reader = ArchiveReader(file)
    check_origin(reader.header, wanted)
    read = held = 0
    for portion in reader.portions():
        wanted_entries = portion[max(0, skip - read) :]
        read += len(portion)
        held += await backend.restore(wanted_entries) if wanted_entries else 0
    return Imported(read, held)
