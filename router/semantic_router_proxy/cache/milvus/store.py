"""`EntryStore` on Milvus."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog
from pymilvus import MilvusClient

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, Selection, Vector
from semantic_router_proxy.cache.milvus.client import Connection
from semantic_router_proxy.cache.milvus.collection import prepare_collection, replace_rows
from semantic_router_proxy.cache.milvus.filters import exactly, hexadecimal
from semantic_router_proxy.cache.milvus.rows import HEADER_FIELDS, BadRow, to_entry, to_header, to_row, to_vector
from semantic_router_proxy.cache.milvus.scan import TimeOrderedScan
from semantic_router_proxy.cache.store import (
    Candidate,
    ReadPage,
    ScannedEntry,
    ScanPage,
    StoreMismatch,
    StoreUnavailable,
)
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity

Result = TypeVar("Result")

_LOGGED_KINDS = 100
# Connecting, listing, creating, indexing, loading, and reading a first row.
_PREPARING_REQUESTS = 8
_log = structlog.get_logger(__name__)


class MilvusStore:
    """Every method raises StoreUnavailable where Milvus is down, slow or refuses; a bad row is counted and skipped."""

    def __init__(
        self, config: MilvusConfig, embedder: EmbedderIdentity, bad_row: Callable[[], None] = lambda: None
    ) -> None:
        self._config = config
        self._embedder = str(embedder)
        self._dimension = embedder.dimension
        self._vector_field = config.collection.vector_field.name
        self._name = config.collection.name
        self._connection = Connection(config)
        self._scan = TimeOrderedScan(self._name, config.search.consistency_level)
        self._reading = TimeOrderedScan(self._name, config.search.consistency_level)
        self._reading_turn = asyncio.Lock()
        self._timeout = config.connection.timeout
        self._lookup_timeout = min(config.search.timeout, self._timeout)
        self._ready = False
        self._drop_old = config.development.drop_collection_on_startup
        self._preparation: asyncio.Future[None] | None = None
        self._bad_row = bad_row
        self._logged: set[str] = set()

    @property
    def address(self) -> str:
        return self._connection.address

    async def open(self) -> None:
        """Connect and prepare the collection. Raises StoreUnavailable and StoreMismatch."""
        await self._connection.run(self._prepare, self._timeout, _PREPARING_REQUESTS)

    async def put(self, entries: Sequence[CacheEntry]) -> frozenset[str]:
        """See `EntryStore.put`. An entry that Milvus cannot hold is counted as a bad row."""
        rows = []
        for entry in entries:
            try:
                rows.append(to_row(entry, self._embedder, self._vector_field, self._dimension))
            except BadRow as reason:
                self._skip(str(reason))
        if rows:
            await self._call(lambda client: replace_rows(client, self._name, self._config, rows))
        return frozenset(row["id"] for row in rows)

    async def get(self, entry_id: str) -> CacheEntry | None:
        """See `EntryStore.get`."""
        rows = await self._query(f'id == "{hexadecimal(entry_id)}"', limit=1, seconds=self._lookup_timeout)
        entries = self._entries(rows)
        return entries[0] if entries else None

    async def get_exact(self, exact_key: str, now: float) -> CacheEntry | None:
        """See `EntryStore.get_exact`."""
        rows = await self._query(
            f'exact_key == "{hexadecimal(exact_key)}" and {_alive(now)}', 10, seconds=self._lookup_timeout
        )
        return max(self._entries(rows), key=lambda entry: entry.header.created_at, default=None)

    async def search(self, partition: str, embedding: Vector, limit: int, now: float) -> list[Candidate]:
        """See `EntryStore.search`."""
        wanted = min(limit, self._config.search.topk)
        found = await self._call(
            lambda client: client.search(
                self._name,
                data=[embedding],
                anns_field=self._vector_field,
                filter=f'partition == "{hexadecimal(partition)}" and semantic == true and {_alive(now)}',
                limit=wanted,
                output_fields=list(HEADER_FIELDS),
                search_params={
                    "metric_type": self._config.collection.vector_field.metric_type,
                    "params": self._search_params(wanted),
                },
                consistency_level=self._config.search.consistency_level,
            ),
            self._lookup_timeout,
        )
        candidates = []
        for hit in found[0]:
            try:
                candidates.append(Candidate(to_header(dict(hit["entity"])), self._cosine(float(hit["distance"]))))
            except BadRow as reason:
                self._skip(str(reason))
        return sorted(candidates, key=lambda candidate: -candidate.similarity)

    async def scan(self, written_after: int, limit: int) -> ScanPage:
        """See `EntryStore.scan`."""
        fields = (*HEADER_FIELDS, "written_at", self._vector_field)
        page = await self._call(
            lambda client: self._scan.page(client, written_after, limit, fields),
            requests=self._scan.requests(written_after),
        )
        scanned = []
        for row in page.rows:
            try:
                vector = to_vector(row, self._vector_field, self._dimension)
                scanned.append(ScannedEntry(to_header(row), vector, int(row["written_at"])))
            except BadRow as reason:
                self._skip(str(reason))
        return ScanPage(sorted(scanned, key=lambda row: row.written_at), page.last, page.complete)

    async def read(self, written_after: int, limit: int) -> ReadPage:
        """See `EntryStore.read`."""
        async with self._reading_turn:
            page = await self._call(
                lambda client: self._reading.page(client, written_after, limit, ("*",)),
                requests=self._reading.requests(written_after),
            )
        rows = sorted(page.rows, key=lambda row: int(row["written_at"]))
        return ReadPage(self._entries([row for row in rows if row["expires_at"] != 1]), page.last, page.complete)

    async def expire(self, entry_ids: Sequence[str]) -> None:
        """See `EntryStore.expire`."""
        if not entry_ids:
            return
        now = int(time.time() * 1e6)
        wanted = ", ".join(f'"{hexadecimal(entry_id)}"' for entry_id in entry_ids)
        rows = await self._query(f"id in [{wanted}]", limit=len(entry_ids))
        for row in rows:
            row |= {"request": [], "response": [], "expires_at": 1, "written_at": now}
        if rows:
            await self._call(lambda client: replace_rows(client, self._name, self._config, rows))

    async def find(self, selection: Selection, limit: int) -> list[EntryHeader]:
        """See `EntryStore.find`."""
        conditions = ['id != ""', "expires_at != 1"]
        texts = {"scope": selection.scope, "model": selection.model, "decision": selection.decision}
        conditions += [exactly(field, value) for field, value in texts.items() if value is not None]
        if selection.created_before is not None:
            conditions.append(f"created_at < {int(selection.created_before * 1e6)}")
        rows = await self._query(" and ".join(conditions), limit, HEADER_FIELDS)
        headers = []
        for row in rows:
            try:
                headers.append(to_header(row))
            except BadRow as reason:
                self._skip(str(reason))
        return headers

    async def sweep(self, expired_before: float) -> None:
        """See `EntryStore.sweep`."""
        limit = int(expired_before * 1e6)
        condition = f"expires_at > 0 and expires_at < {limit} and written_at < {limit}"
        await self._call(lambda client: client.delete(self._name, filter=condition))

    async def count(self) -> int:
        """See `EntryStore.count`."""
        rows = await self._query("", None, ("count(*)",))
        return int(rows[0]["count(*)"])

    async def close(self) -> None:
        if self._preparation is not None:
            self._preparation.cancel()
        await self._connection.close()

    def _prepare(self, client: MilvusClient) -> None:
        prepare_collection(client, self._config, self._embedder, self._dimension, drop_old=self._drop_old)
        self._drop_old = False
        self._ready = True

    async def _call(
        self, call: Callable[[MilvusClient], Result], seconds: float | None = None, requests: int = 1
    ) -> Result:
        """Run a call. After a start without Milvus, or a failure, the collection is looked at anew first: it may have
        been dropped, released or replaced meanwhile, or a restarted Milvus may not have loaded it yet."""
        limit = self._timeout if seconds is None else seconds
        if not self._ready:
            await self._prepared(limit)
        try:
            return await self._connection.run(call, limit, requests)
        except StoreUnavailable:
            self._ready = False
            raise

    async def _prepared(self, seconds: float) -> None:
        """Wait so long for the preparation, which goes on however long it takes. Raises StoreUnavailable."""
        if self._preparation is None or self._preparation.done():
            self._preparation = asyncio.ensure_future(self.open())
            self._preparation.add_done_callback(_retrieve)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._preparation)
        except TimeoutError:
            raise StoreUnavailable(f"Milvus at {self.address} has not made {self._name} ready yet") from None
        except StoreMismatch as error:
            raise StoreUnavailable(str(error)) from error

    async def _query(
        self, condition: str, limit: int | None, fields: Sequence[str] = ("*",), seconds: float | None = None
    ) -> list[dict[str, Any]]:
        bound = {} if limit is None else {"limit": limit}
        rows = await self._call(
            lambda client: client.query(
                self._name,
                filter=condition,
                output_fields=list(fields),
                consistency_level=self._config.search.consistency_level,
                **bound,
            ),
            seconds,
        )
        return [dict(row) for row in rows]

    def _entries(self, rows: Sequence[dict[str, Any]]) -> list[CacheEntry]:
        entries = []
        for row in rows:
            try:
                entries.append(to_entry(row, self._vector_field, self._dimension))
            except BadRow as reason:
                self._skip(str(reason))
        return entries

    def _search_params(self, limit: int) -> dict[str, int]:
        params = self._config.search_params
        if "ef" in params:
            params["ef"] = max(params["ef"], limit)
        return params

    def _cosine(self, distance: float) -> float:
        """Return the cosine of two unit vectors from the metric's distance; Milvus' L2 is the squared distance."""
        return 1 - distance / 2 if self._config.collection.vector_field.metric_type == "L2" else distance

    def _skip(self, reason: str) -> None:
        self._bad_row()
        kind = reason.split(",")[0]
        if kind not in self._logged and len(self._logged) < _LOGGED_KINDS:
            self._logged.add(kind)
            _log.warning("cache_row_skipped", collection=self._name, reason=reason)


def _retrieve(preparation: "asyncio.Future[None]") -> None:
    """Take note of a failure that nobody waits for any more."""
    if not preparation.cancelled():
        preparation.exception()


def _alive(now: float) -> str:
    return f"(expires_at == 0 or expires_at > {int(now * 1e6)})"
