"""Restoring an archive: into a collection of its own beside the one in use, which takes its place in one step after.

Everything can be repeated: what an attempt that was killed has left is made anew, a switch that is done already is
done, and so is the dropping of what is not there.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Literal, TypeVar

from pymilvus import MilvusClient

from semantic_router_proxy.cache.archive import ArchiveHeader, ArchiveReader
from semantic_router_proxy.cache.entry import CacheEntry
from semantic_router_proxy.cache.milvus import collection as collections
from semantic_router_proxy.cache.milvus.client import Connection
from semantic_router_proxy.cache.milvus.collection import Origin
from semantic_router_proxy.cache.milvus.rows import BadRow, to_row
from semantic_router_proxy.cache.store import StoreMismatch
from semantic_router_proxy.cache.transfer import check_origin
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity

# What a collection is a copy of while an archive is being put into it.
_FROM_ARCHIVE = "archive"
# Properties of a collection: that a restore has made it, and what the alias led to before it.
_RESTORED = "semantic_router.restored"
_PREVIOUS = "semantic_router.previous"
# Requests that the longest calls make: loading a collection, or flushing it.
_REQUESTS = 20
# Of one insertion; it is cut by its size besides.
_ROWS = 1000

Result = TypeVar("Result")
Reason = Literal["NameInvalid", "CollectionInUse", "CollectionMissing", "CollectionUnfinished", "RowsMissing"]


class RestoreError(StoreMismatch):
    """What was asked for cannot be done with the collections that are there."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Restored:
    """`rows` are in the collection; `left_out` entries had expired or do not fit. `previous` is what the alias leads
    to, empty where there is none."""

    collection: str
    rows: int
    left_out: int
    previous: str


class Restoration:
    """The collections behind one alias. Every method may raise StoreUnavailable, StoreMismatch and RestoreError."""

    def __init__(self, config: MilvusConfig, identity: EmbedderIdentity) -> None:
        self._config = config
        self._identity = str(identity)
        self._dimension = identity.dimension
        self._name = config.collection.name
        self._connection = Connection(config)

    async def fill(self, file: IO[bytes], into: str) -> Restored:
        """Make the collection `into` of an archive: indexed, loaded, counted. Raises ArchiveError."""
        reader = ArchiveReader(file)
        check_origin(reader.header, ArchiveHeader(self._identity, self._dimension))
        previous = await self._run(lambda client: self._make(client, into))
        seen: set[bytes] = set()
        left_out, rows = 0, list[dict[str, Any]]()
        for portion in reader.portions():
            fitting = self._rows(portion)
            left_out += len(portion) - len(fitting)
            rows += fitting
            if len(rows) >= _ROWS:
                await self._put(into, rows, seen)
                rows = []
        await self._put(into, rows, seen)
        found = await self._run(lambda client: self._finish(client, into))
        if found != len(seen):
            text = f"{into} has {found} rows, {len(seen)} were put in: not all of the archive came back"
            raise RestoreError("RowsMissing", text)
        return Restored(into, found, left_out, previous)

    async def switch(self, to: str | None) -> str:
        """Let the alias lead to a collection, or away with it; return what it led to before, empty for nothing."""
        return await self._run(lambda client: self._take_away(client) if to is None else self._switch(client, to))

    async def drop(self, collection: str) -> bool:
        """Drop a collection of this cache that is not in use; return whether it was there."""

        def work(client: MilvusClient) -> bool:
            self._check_name(collection)
            if collections.real_name(client, collection) != collection:
                return False
            self._check_unused(client, collection)
            client.drop_collection(collection)
            return True

        return await self._run(work)

    async def close(self) -> None:
        await self._connection.close()

    async def _run(self, call: Callable[[MilvusClient], Result]) -> Result:
        return await self._connection.run(call, self._config.connection.timeout, _REQUESTS)

    def _make(self, client: MilvusClient, into: str) -> str:
        """Make an empty collection of that name; return what the alias leads to."""
        self._check_name(into)
        in_use = self._check_unused(client, into)
        if collections.real_name(client, into) == into:
            if not _is_of_a_restore(client, into):
                text = f"there is a collection {into} that no restore has made; choose another name"
                raise RestoreError("NameInvalid", text)
            client.drop_collection(into)
        origin = Origin(self._identity, _FROM_ARCHIVE)
        collections.create_collection(client, into, self._config, origin, self._dimension)
        client.load_collection(into)
        return in_use or ""

    def _rows(self, entries: list[CacheEntry]) -> list[dict[str, Any]]:
        now = time.time()
        rows = []
        for entry in entries:
            if 0 < entry.header.expires_at <= now:
                continue
            try:
                rows.append(to_row(entry, self._identity, self._config.collection.vector_field.name, self._dimension))
            except BadRow:
                continue
        return rows

    async def _put(self, into: str, rows: list[dict[str, Any]], seen: set[bytes]) -> None:
        """Insert rows; an archive may hold an entry twice, where it was written anew while the archive was made."""
        fresh = {row["id"]: row for row in rows if _short(row) not in seen}
        again = {row["id"]: row for row in rows if _short(row) in seen}
        seen.update(_short(row) for row in fresh.values())
        if fresh:
            inserted = list(fresh.values())
            await self._run(lambda client: collections.insert_rows(client, into, inserted))
        if again:
            replaced = list(again.values())
            await self._run(lambda client: collections.replace_rows(client, into, self._config, replaced))

    def _finish(self, client: MilvusClient, into: str) -> int:
        """Make what was written last, and mark the collection as whole; return its rows."""
        client.flush(into)
        client.load_collection(into)
        found = client.query(into, filter="", output_fields=["count(*)"], consistency_level="Strong")
        client.alter_collection_properties(into, properties={**Origin(self._identity).properties(), _RESTORED: "true"})
        return int(found[0]["count(*)"])

    def _switch(self, client: MilvusClient, to: str) -> str:
        if collections.real_name(client, to) != to:
            raise RestoreError("CollectionMissing", f"there is no collection {to}")
        origin = collections.origin_of(client, to)
        if origin.copy_of:
            text = f"the collection {to} is not whole: what was filling it has not ended; run that again"
            raise RestoreError("CollectionUnfinished", text)
        if origin.embedder != self._identity:
            whose = origin.embedder or "another program"
            raise StoreMismatch(f"the collection {to} holds vectors of {whose}, this router uses {self._identity}")
        client.load_collection(to)
        in_use = collections.real_name(client, self._name)
        if in_use == to:
            return str(client.describe_collection(to)["properties"].get(_PREVIOUS, ""))
        if in_use == self._name:
            in_use = collections.put_behind_alias(client, self._name)
        # Before the step, so that it can be told even where nobody heard that the step was done.
        client.alter_collection_properties(to, properties={_PREVIOUS: in_use or ""})
        if in_use is None:
            client.create_alias(to, self._name)
        else:
            client.alter_alias(to, self._name)
        return in_use or ""

    def _take_away(self, client: MilvusClient) -> str:
        in_use = collections.real_name(client, self._name)
        if in_use is not None and in_use != self._name:
            client.drop_alias(self._name)
        return in_use or ""

    def _check_name(self, collection: str) -> None:
        if not collection.startswith(f"{self._name}_"):
            text = f"{collection} is no collection of this cache; their names begin with {self._name}_"
            raise RestoreError("NameInvalid", text)

    def _check_unused(self, client: MilvusClient, collection: str) -> str | None:
        in_use = collections.real_name(client, self._name)
        if in_use == collection:
            raise RestoreError("CollectionInUse", f"{self._name} leads to {collection}: routers use it")
        return in_use


def _is_of_a_restore(client: MilvusClient, collection: str) -> bool:
    properties = client.describe_collection(collection)["properties"]
    return _RESTORED in properties or collections.origin_of(client, collection).copy_of == _FROM_ARCHIVE


def _short(row: dict[str, Any]) -> bytes:
    """Enough of an id to know it by, for the ids of a million entries are held at once."""
    return hashlib.blake2b(str(row["id"]).encode(), digest_size=12).digest()
