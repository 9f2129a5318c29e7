"""All partitions' indexes. One lookup touches one partition only, so nothing is ever filtered in Python."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semantic_router_proxy.cache.entry import Vector
from semantic_router_proxy.cache.index.exact import ExactIndex
from semantic_router_proxy.cache.index.graph import GraphIndex, GraphSettings

# Up to here one exact scan (4096 x 384 floats) is about as fast as a walk through a graph, and never wrong.
EXACT_LIMIT = 4096
_REBUILD_SHARE = 0.3
_REBUILD_THREADS = 1


@dataclass(slots=True)
class _Rebuild:
    """A graph in the making, and what happened meanwhile: rows to add, labels to remove."""

    task: asyncio.Task[None] | None = None
    added: list[tuple[int, Vector]] = field(default_factory=list)
    removed: set[int] = field(default_factory=set)


class PartitionedIndex:
    """Vectors by partition and label. For use from one event loop; graphs are made beside it in threads."""

    def __init__(self, dimension: int, settings: GraphSettings, exact_limit: int = EXACT_LIMIT) -> None:
        self._dimension = dimension
        self._settings = settings
        self._exact_limit = exact_limit
        self._parts: dict[str, ExactIndex | GraphIndex] = {}
        self._rebuilds: dict[str, _Rebuild] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, partition: str, label: int, vector: Vector) -> None:
        """Add a vector (float32 of shape (dimension,), length 1)."""
        index = self._parts.get(partition)
        if index is None:
            index = self._parts[partition] = ExactIndex(self._dimension)
        index.add(label, vector)
        self._size += 1
        rebuild = self._rebuilds.get(partition)
        if rebuild is not None:
            rebuild.added.append((label, vector))
        elif isinstance(index, ExactIndex) and len(index) > self._exact_limit:
            self._start_rebuild(partition, index)

    def remove(self, partition: str, label: int) -> None:
        index = self._parts.get(partition)
        if index is None:
            return
        before = len(index)
        index.remove(label)
        self._size -= before - len(index)
        rebuild = self._rebuilds.get(partition)
        if rebuild is not None:
            rebuild.removed.add(label)
        elif len(index) == 0:
            del self._parts[partition]
        elif isinstance(index, GraphIndex) and index.marked_share > _REBUILD_SHARE:
            self._start_rebuild(partition, index)

    def search(self, partition: str, vector: Vector, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` (label, cosine) of the partition, the best first."""
        index = self._parts.get(partition)
        return index.search(vector, limit) if index is not None else []

    async def settled(self) -> None:
        """Return when no graph is in the making."""
        while self._rebuilds:
            await asyncio.gather(*(rebuild.task for rebuild in self._rebuilds.values() if rebuild.task))

    async def close(self) -> None:
        for rebuild in list(self._rebuilds.values()):
            if rebuild.task is not None:
                rebuild.task.cancel()
        await asyncio.gather(*(r.task for r in self._rebuilds.values() if r.task), return_exceptions=True)
        self._rebuilds.clear()

    def _start_rebuild(self, partition: str, index: ExactIndex | GraphIndex) -> None:
        """Make a graph of what is there in a thread, then take in what happened meanwhile and put it into place."""
        rebuild = self._rebuilds[partition] = _Rebuild()
        labels, vectors = index.items()
        rebuild.task = asyncio.get_running_loop().create_task(self._rebuild(partition, labels, vectors))

    async def _rebuild(self, partition: str, labels: list[int], vectors: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        graph = GraphIndex(self._dimension, max(2 * self._exact_limit, 2 * len(labels)), self._settings)
        try:
            if len(labels) > self._exact_limit:
                await asyncio.to_thread(graph.add_many, labels, vectors, _REBUILD_THREADS)
            replacement: ExactIndex | GraphIndex = graph
            if len(labels) <= self._exact_limit:
                replacement = ExactIndex(self._dimension)
                for label, vector in zip(labels, vectors, strict=True):
                    replacement.add(label, vector)
            changes = self._rebuilds[partition]
            for label, vector in changes.added:
                replacement.add(label, vector)
            for label in changes.removed:
                replacement.remove(label)
            self._parts[partition] = replacement
        finally:
            self._rebuilds.pop(partition, None)
