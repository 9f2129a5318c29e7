"""The collection in use: made ready before the first call, and looked at anew after each failure."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pymilvus import MilvusClient

from semantic_router_proxy.cache.milvus.client import Connection
from semantic_router_proxy.cache.milvus.collection import prepare_collection
from semantic_router_proxy.cache.store import StoreMismatch, StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig

Result = TypeVar("Result")

# Connecting, listing, creating, indexing, loading, and reading a first row.
_PREPARING_REQUESTS = 8


class PreparedCollection:
    """Every method raises StoreUnavailable where Milvus is down, slow or refuses."""

    def __init__(self, config: MilvusConfig, embedder: str, dimension: int) -> None:
        self._config = config
        self._embedder = embedder
        self._dimension = dimension
        self._timeout = config.connection.timeout
        self._connection = Connection(config)
        self._ready = False
        self._drop_old = config.development.drop_collection_on_startup
        self._preparation: asyncio.Future[None] | None = None
        self.name = config.collection.name

    @property
    def address(self) -> str:
        return self._connection.address

    async def open(self) -> None:
        """Connect and prepare the collection. Raises StoreUnavailable and StoreMismatch."""
        await self._connection.run(self._prepare, self._timeout, _PREPARING_REQUESTS)

    async def call(
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

    async def query(
        self,
        condition: str,
        limit: int | None,
        fields: Sequence[str] = ("*",),
        seconds: float | None = None,
        *,
        level: str = "",
    ) -> list[dict[str, Any]]:
        """Return rows; `level` is the consistency in place of the configured one."""
        bound = {} if limit is None else {"limit": limit}
        rows = await self.call(
            lambda client: client.query(
                self.name,
                filter=condition,
                output_fields=list(fields),
                consistency_level=level or self._config.search.consistency_level,
                **bound,
            ),
            seconds,
        )
        return [dict(row) for row in rows]

    async def close(self) -> None:
        if self._preparation is not None:
            self._preparation.cancel()
        await self._connection.close()

    def _prepare(self, client: MilvusClient) -> None:
        prepare_collection(client, self._config, self._embedder, self._dimension, drop_old=self._drop_old)
        self._drop_old = False
        self._ready = True

    async def _prepared(self, seconds: float) -> None:
        """Wait so long for the preparation, which goes on however long it takes. Raises StoreUnavailable."""
        if self._preparation is None or self._preparation.done():
            self._preparation = asyncio.ensure_future(self.open())
            self._preparation.add_done_callback(_retrieve)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._preparation)
        except TimeoutError:
            raise StoreUnavailable(f"Milvus at {self.address} has not made {self.name} ready yet") from None
        except StoreMismatch as error:
            raise StoreUnavailable(str(error)) from error


def _retrieve(preparation: "asyncio.Future[None]") -> None:
    """Take note of a failure that nobody waits for any more."""
    if not preparation.cancelled():
        preparation.exception()
