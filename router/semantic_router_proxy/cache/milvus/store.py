"""`EntryStore` on Milvus."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, Selection, Vector
from semantic_router_proxy.cache.milvus.collection import replace_rows
from semantic_router_proxy.cache.milvus.filters import exactly, hexadecimal
from semantic_router_proxy.cache.milvus.prepared import PreparedCollection
from semantic_router_proxy.cache.milvus.rows import HEADER_FIELDS, BadRow, to_entry, to_header, to_row, to_vector
from semantic_router_proxy.cache.milvus.scan import PASS_REQUESTS, TimeOrderedScan, compare_ids
from semantic_router_proxy.cache.store import (
    Candidate,
    Difference,
    ReadPage,
    ScannedEntry,
    ScanPage,
)
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity

_LOGGED_KINDS = 100
# Unit vectors' cosines, and what indexes with compressed vectors and float32 add; more is of a vector of other length.
_LARGEST_COSINE = 1.05
_MOST_TWINS = 1000
# Deleting must see what was written a moment ago, whatever lookups are content with.
_STRONG = "Strong"
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
        self._collection = PreparedCollection(config, self._embedder, self._dimension)
        self._scan = TimeOrderedScan(self._name, config.search.consistency_level)
        self._reading = TimeOrderedScan(self._name, config.search.consistency_level)
        self._reading_turn = asyncio.Lock()
        self._lookup_timeout = min(config.search.timeout, config.connection.timeout)
        self._call = self._collection.call
        self._query = self._collection.query
        self._bad_row = bad_row
        self._logged: set[str] = set()

    @property
    def address(self) -> str:
        return self._collection.address

    @property
    def shared(self) -> bool:
        """See `EntryStore.shared`. Milvus Lite's file belongs to one process."""
        return not self._config.connection.embedded

    async def open(self) -> None:
        """Connect and prepare the collection. Raises StoreUnavailable and StoreMismatch."""
        await self._collection.open()

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
        # Of several answers to one question the youngest is the one that was asked for last.
        return sorted(candidates, key=lambda candidate: (-candidate.similarity, -candidate.header.created_at))

    async def scan(self, written_after: int, limit: int) -> ScanPage:
        """See `EntryStore.scan`."""
        fields = (*HEADER_FIELDS, "written_at", self._vector_field)
        page = await self._call(
            lambda client: self._scan.page(client, written_after, limit, fields),
            requests=self._scan.requests(written_after),
        )
        scanned = self._scanned(page.rows)
        return ScanPage(sorted(scanned, key=lambda row: row.written_at), page.last, page.complete)

    async def compare(self, known: frozenset[str], now: float) -> Difference:
        """See `EntryStore.compare`."""
        return await self._call(
            lambda client: compare_ids(client, self._name, _alive(now), known), requests=PASS_REQUESTS
        )

    async def rows_of(self, entry_ids: Sequence[str]) -> list[ScannedEntry]:
        """See `EntryStore.rows_of`."""
        fields = (*HEADER_FIELDS, "written_at", self._vector_field)
        return self._scanned(await self._query(_one_of(entry_ids), len(entry_ids), fields, level=_STRONG))

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
        rows = await self._query(_one_of(entry_ids), limit=len(entry_ids), level=_STRONG)
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
        rows = await self._query(" and ".join(conditions), limit, HEADER_FIELDS, level=_STRONG)
        return self._headers(rows)

    async def same_request(self, entry_id: str) -> list[EntryHeader]:
        """See `EntryStore.same_request`."""
        found = self._headers(await self._query(_one_of([entry_id]), 1, HEADER_FIELDS, level=_STRONG))
        if not found or not found[0].exact_key:
            return found
        condition = f'exact_key == "{hexadecimal(found[0].exact_key)}" and expires_at != 1'
        twins = self._headers(await self._query(condition, _MOST_TWINS, HEADER_FIELDS, level=_STRONG))
        return found + [twin for twin in twins if twin.entry_id != entry_id]

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
        await self._collection.close()

    def _headers(self, rows: Iterable[dict[str, Any]]) -> list[EntryHeader]:
        headers = []
        for row in rows:
            try:
                headers.append(to_header(row))
            except BadRow as reason:
                self._skip(str(reason))
        return headers

    def _scanned(self, rows: Iterable[dict[str, Any]]) -> list[ScannedEntry]:
        scanned = []
        for row in rows:
            try:
                vector = to_vector(row, self._vector_field, self._dimension)
                scanned.append(ScannedEntry(to_header(row), vector, int(row["written_at"])))
            except BadRow as reason:
                self._skip(str(reason))
        return scanned

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
        """Return the cosine of two unit vectors from the metric's distance; Milvus' L2 is the squared distance.

        Raises BadRow where it is none: the stored vector has another length, or is not finite.
        """
        cosine = 1 - distance / 2 if self._config.collection.vector_field.metric_type == "L2" else distance
        if not abs(cosine) <= _LARGEST_COSINE:
            raise BadRow(f"{self._vector_field} is no unit vector")
        return cosine

    def _skip(self, reason: str) -> None:
        self._bad_row()
        kind = reason.split(",")[0]
        if kind not in self._logged and len(self._logged) < _LOGGED_KINDS:
            self._logged.add(kind)
            _log.warning("cache_row_skipped", collection=self._name, reason=reason)


def _one_of(entry_ids: Sequence[str]) -> str:
    wanted = ", ".join(f'"{hexadecimal(entry_id)}"' for entry_id in entry_ids)
    return f"id in [{wanted}]"


def _alive(now: float) -> str:
    return f"(expires_at == 0 or expires_at > {int(now * 1e6)})"
