"""Moving a cache's entries out of a backend and into one."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import IO

from semantic_router_proxy.cache.archive import ArchiveError, ArchiveHeader, ArchiveReader, ArchiveWriter
from semantic_router_proxy.cache.backend import EVERYTHING, CacheBackend
from semantic_router_proxy.cache.entry import Selection

# A page is in memory at once, answers included; Milvus Lite looks at all rows for each.
_PAGE_ENTRIES = 500

OTHER_POLICY = (
    "the archive was written by a router with other providers, models, signals or decisions; its answers are put in, "
    "and found only by a router with that configuration"
)


@dataclass(frozen=True, slots=True)
class Imported:
    """`read` entries were in the archive, `held` of them the cache has now; the others had expired or are too large.
    `same_policy` is what `policy_of` says."""

    read: int
    held: int
    same_policy: bool | None


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
    if not found.has_vectors_of(wanted):
        raise ArchiveError(
            f"the archive holds vectors of the embedding model {found.embedder}, this cache uses {wanted.embedder}. "
            "Import it into a cache of that model and run `semantic-router cache reembed` there"
        )


def policy_of(found: ArchiveHeader, policies: Iterable[str]) -> bool | None:
    """Return whether an archive was written under one of the policies that are in force, None where that is not known.

    Answers of another policy are never found (rule 1), though they are kept until they expire.
    """
    known = [policy for policy in policies if policy]
    return found.policy in known if found.policy and known else None


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
    return Imported(read, held, policy_of(reader.header, [wanted.policy]))
