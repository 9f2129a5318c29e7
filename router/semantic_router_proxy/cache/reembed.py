"""Re-embedding: a new collection beside the old one, filled with the same answers under another model's vectors, and
put in its place in one step. A run that is stopped anywhere is continued by the next.

Routers may go on writing meanwhile. What they write into the old collection is copied by later passes, the last of
them after the switch; what they write after it goes into the new one.
"""

import functools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from pymilvus import MilvusClient

from semantic_router_proxy.cache.milvus import collection as collections
from semantic_router_proxy.cache.milvus.client import Connection
from semantic_router_proxy.cache.milvus.collection import Origin
from semantic_router_proxy.cache.milvus.filters import hexadecimal
from semantic_router_proxy.cache.milvus.rows import placeholder
from semantic_router_proxy.cache.milvus.scan import BATCH_ROWS, TimeOrderedScan
from semantic_router_proxy.cache.reembed_rows import new_partition
from semantic_router_proxy.cache.store import StoreMismatch, StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.embedding.base import Embedder, Vectors

# Rows of one request; fewer where their answers are too long for one.
_PAGE_ROWS = 100
# A write may become visible after a younger one, and routers' clocks differ: a later pass looks back so far.
_OVERLAP_MICROSECONDS = 15_000_000
# Requests that the longest calls make: loading a collection, or reading all ids of a large one.
_REQUESTS = 100

# How servers and gRPC call an answer that is too long.
_TOO_LARGE = re.compile(r"larger than max|exceed", re.IGNORECASE)

Result = TypeVar("Result")

Progress = Callable[[int], None]
"""Told how many rows of the old collection are done."""


@dataclass(frozen=True, slots=True)
class Source:
    """The collection to copy: its real name, its embedder, and how many rows it has. `switched`: the name leads to the
    copy already, and only the last pass is missing: what was written after `copied_to` (microseconds)."""

    collection: str
    embedder: str
    rows: int
    switched: bool = False
    copied_to: int = 0


@dataclass(slots=True)
class Outcome:
    """What a run did. `present` rows were there from an earlier run; `unreachable` ones keep their partition."""

    target: str
    resumed: bool
    copied: int = 0
    present: int = 0
    removed: int = 0
    unreachable: int = 0


class Reembedding:
    """Copies one cache's collection. Every method may raise StoreUnavailable and StoreMismatch."""

    def __init__(self, config: MilvusConfig, embedder: Embedder, policy_epochs: Sequence[str]) -> None:
        self._config = config
        self._embedder = embedder
        self._identity = str(embedder.identity)
        self._policy_epochs = policy_epochs
        self._name = config.collection.name
        self._vector_field = config.collection.vector_field.name
        self._connection = Connection(config)

    async def source(self) -> Source | None:
        """Return what is to be copied, None where the name leads to a finished collection of the new model."""
        return await self._run(self._find_source)

    async def sample(self, source: Source, size: int) -> tuple[list[str], Vectors]:
        """Return at most so many questions of the old collection and their vectors, float32 of shape (n, dimension)."""
        if not size:
            return [], np.empty((0, 0), dtype=np.float32)

        def read(client: MilvusClient) -> Any:
            return client.query(
                source.collection,
                filter=f"semantic == true and {_alive(time.time())}",
                output_fields=["query", self._vector_field],
                limit=min(size, BATCH_ROWS),
            )

        rows = {str(row["query"]): row[self._vector_field] for row in await self._run(read)}
        return list(rows), np.array(list(rows.values()), dtype=np.float32)

    async def copy(self, source: Source, progress: Progress) -> Outcome:
        """Copy everything and switch. Raises EmbeddingError where the model fails; the next run continues then."""
        outcome = await self._run(lambda client: self._find_target(client, source))
        copied_to = source.copied_to
        if not source.switched:
            copied_to = await self._pass(source, outcome, -1, progress)
            copied_to = await self._pass(source, outcome, copied_to - _OVERLAP_MICROSECONDS)
            # Rows that were deleted and swept while this or an earlier run was under way.
            outcome.removed = await self._run(lambda client: self._remove_surplus(client, source, outcome.target))
            copied_to = await self._pass(source, outcome, copied_to - _OVERLAP_MICROSECONDS)
            before = Origin(self._identity, source.collection, copied_to)
            await self._run(lambda client: self._switch(client, outcome.target, before))
        await self._pass(source, outcome, copied_to - _OVERLAP_MICROSECONDS)
        await self._run(lambda client: collections.mark(client, outcome.target, Origin(self._identity)))
        return outcome

    async def drop_old(self) -> list[str]:
        """Drop all collections that were made for the name but the one in use; return their names."""

        def drop(client: MilvusClient) -> list[str]:
            in_use = collections.real_name(client, self._name)
            old = [each for each in collections.numbered_collections(client, self._name) if each != in_use]
            for each in old:
                client.drop_collection(each)
            return old

        return await self._run(drop)

    async def close(self) -> None:
        await self._connection.close()

    async def _run(self, call: Callable[[MilvusClient], Result]) -> Result:
        return await self._connection.run(call, self._config.connection.timeout, _REQUESTS)

    def _find_source(self, client: MilvusClient) -> Source | None:
        in_use = collections.real_name(client, self._name)
        if in_use is None:
            raise StoreMismatch(f"there is no collection {self._name}; nothing has been cached yet")
        if in_use == self._name:
            in_use = collections.put_behind_alias(client, self._name)
        origin = collections.origin_of(client, in_use)
        if not origin.embedder:
            raise StoreMismatch(f"the collection {in_use} was not made by this router and cannot be re-embedded")
        switched = origin.embedder == self._identity
        if switched and not origin.copy_of:
            return None
        real = origin.copy_of if switched else in_use
        old = collections.origin_of(client, real).embedder
        client.load_collection(real)
        rows = client.query(real, filter="", output_fields=["count(*)"])[0]["count(*)"]
        return Source(real, old, int(rows), switched, origin.copied_to if switched else 0)

    def _find_target(self, client: MilvusClient, source: Source) -> Outcome:
        """Return the copy that an earlier run began, or a new one."""
        begun = Origin(self._identity, source.collection)
        for each in reversed(collections.numbered_collections(client, self._name)):
            found = collections.origin_of(client, each)
            if (found.embedder, found.copy_of) == (begun.embedder, begun.copy_of):
                client.load_collection(each)
                return Outcome(each, resumed=True)
        real = collections.new_collection_name(client, self._name)
        collections.create_collection(client, real, self._config, begun, self._embedder.identity.dimension)
        client.load_collection(real)
        return Outcome(real, resumed=False)

    def _switch(self, client: MilvusClient, target: str, origin: Origin) -> None:
        collections.mark(client, target, origin)
        client.alter_alias(target, self._name)

    async def _pass(self, source: Source, outcome: Outcome, after: int, progress: Progress = lambda done: None) -> int:
        """Copy what was written after a time (microseconds), in the order of writing; return the youngest time."""
        scan = TimeOrderedScan(source.collection, "Strong")
        limit, done, complete = _PAGE_ROWS, 0, False
        while not complete:
            try:
                page = await self._run(functools.partial(scan.page, after=after, limit=limit, fields=("*",)))
            except StoreUnavailable as error:
                if limit == 1 or not _TOO_LARGE.search(str(error)):
                    raise
                limit //= 2
                continue
            await self._copy_rows(source, outcome, page.rows)
            after, complete = page.last, page.complete
            done += len(page.rows)
            progress(done)
        return max(after, 0)

    async def _copy_rows(self, source: Source, outcome: Outcome, rows: list[dict[str, Any]]) -> None:
        """Copy the rows that the target has not, and remove from it what has expired."""
        if not rows:
            return
        ids = [hexadecimal(str(row["id"])) for row in rows]
        there = await self._run(lambda client: self._times(client, outcome.target, ids))
        now = int(time.time() * 1e6)
        living = [row for row in rows if row["expires_at"] == 0 or row["expires_at"] > now]
        alive = {row["id"] for row in living}
        # A row of the target may be the younger one, after the switch.
        gone = [row["id"] for row in rows if row["id"] not in alive and there.get(row["id"], now) < row["written_at"]]
        wanted = [row for row in living if there.get(row["id"], -1) < row["written_at"]]
        outcome.present += len(living) - len(wanted)
        if gone:
            await self._run(lambda client: client.delete(outcome.target, ids=gone))
        if not wanted:
            return
        asked = [str(row["query"]) for row in wanted if row["semantic"]]
        vectors = iter(await self._embedder.embed(asked) if asked else ())
        new_rows = []
        for row in wanted:
            vector = next(vectors) if row["semantic"] else placeholder(self._embedder.identity.dimension)
            partition = new_partition(row, source.embedder, self._identity, self._policy_epochs)
            outcome.unreachable += row["semantic"] and partition == row["partition"]
            new_rows.append(row | {"embedder": self._identity, "partition": partition, self._vector_field: vector})
        await self._run(lambda client: collections.replace_rows(client, outcome.target, self._config, new_rows))
        outcome.copied += len(new_rows)

    def _times(self, client: MilvusClient, collection: str, ids: list[str]) -> dict[str, int]:
        """Return when those of the rows that are there were written."""
        wanted = ", ".join(f'"{each}"' for each in ids)
        rows = client.query(
            collection, filter=f"id in [{wanted}]", output_fields=["id", "written_at"], consistency_level="Strong"
        )
        return {row["id"]: row["written_at"] for row in rows}

    def _remove_surplus(self, client: MilvusClient, source: Source, target: str) -> int:
        """Delete from the target what the old collection has no more; return how many rows."""
        surplus = set(_ids(client, target)) - set(_ids(client, source.collection))
        ordered = sorted(surplus)
        for start in range(0, len(ordered), _PAGE_ROWS):
            client.delete(target, ids=ordered[start : start + _PAGE_ROWS])
        return len(ordered)


def _ids(client: MilvusClient, collection: str) -> Iterator[str]:
    iterator = client.query_iterator(
        collection, batch_size=BATCH_ROWS, filter='id != ""', output_fields=["id"], consistency_level="Strong"
    )
    try:
        while batch := iterator.next():
            yield from (str(row["id"]) for row in batch)
    finally:
        iterator.close()


def _alive(now: float) -> str:
    return f"(expires_at == 0 or expires_at > {int(now * 1e6)})"
