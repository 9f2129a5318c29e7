"""All partitions' indexes. One lookup touches one partition only, so nothing is ever filtered in Python.

A partition is a tail that is scanned exactly and, once that has become long, a graph beside it. A graph is made in a
thread while the tail keeps answering; the finished one takes the old one's place between two lookups.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import Vector
from semantic_router_proxy.cache.index.exact import ExactIndex
from semantic_router_proxy.cache.index.graph import GraphIndex, GraphSettings

Result = TypeVar("Result")

# Up to here a scan (4096 x 384 floats) costs little more than a walk through a graph, and is never wrong.
EXACT_LIMIT = 4096
_REBUILD_SHARE = 0.3
# Room for what is added until so many rows are deleted that the graph is made anew.
_SLACK = 1.5
# Rows per step of a build: a step cannot be interrupted, and the router must be able to stop.
_STEP = 2000
# So few rows that came during a build stay in the tail.
_REST = 16
_BUILD_NICENESS = 10
# A graph that is made at once looks at half of `ef_construction` neighbours for each row: for 100,000 vectors 64 s of
# processor time in place of 107 s, at a recall@1 of .998 to 1 in place of 1 (500 questions, default `ef_search`).
_BULK_SHARE = 2

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Build:
    """A graph in the making, and what happened meanwhile: rows that came, rows that left."""

    task: asyncio.Task[None] | None = None
    added: list[int] = field(default_factory=list)
    removed: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Part:
    tail: ExactIndex
    longest_tail: int
    graph: GraphIndex | None = None
    build: _Build | None = None

    def __len__(self) -> int:
        return len(self.tail) + (len(self.graph) if self.graph is not None else 0)


class PartitionedIndex:
    """Vectors by partition and label, a label being used once. For use from one event loop."""

    def __init__(self, dimension: int, settings: GraphSettings, exact_limit: int = EXACT_LIMIT) -> None:
        self._dimension = dimension
        self._settings = settings
        self._exact_limit = exact_limit
        self._parts: dict[str, _Part] = {}
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="graph", initializer=_step_back)
        self._build_threads = os.cpu_count() or 1
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, partition: str, label: int, vector: Vector) -> None:
        """Add a vector (float32 of shape (dimension,), length 1)."""
        part = self._parts.get(partition)
        if part is None:
            part = self._parts[partition] = _Part(ExactIndex(self._dimension), self._exact_limit)
        self._size += 1
        if part.graph is not None and part.build is None and not part.graph.full:
            part.graph.add(label, vector)
            return
        part.tail.add(label, vector)
        if part.build is not None:
            part.build.added.append(label)
        elif len(part.tail) > part.longest_tail or part.graph is not None:
            self._start_build(partition, part)

    def remove(self, partition: str, label: int) -> None:
        part = self._parts.get(partition)
        if part is None:
            return
        before = len(part)
        part.tail.remove(label)
        if part.graph is not None:
            part.graph.remove(label)
        self._size -= before - len(part)
        if part.build is not None:
            part.build.removed.add(label)
        elif len(part) == 0:
            del self._parts[partition]
        elif part.graph is not None and part.graph.marked_share > _REBUILD_SHARE:
            self._start_build(partition, part)

    def search(self, partition: str, vector: Vector, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` (label, cosine) of the partition, the best first."""
        part = self._parts.get(partition)
        if part is None:
            return []
        found = part.tail.search(vector, limit)
        if part.graph is not None:
            found = sorted(part.graph.search(vector, limit) + found, key=lambda each: -each[1])[:limit]
        return found

    def vector(self, partition: str, label: int) -> Vector | None:
        """Return the vector of a label, None where it is not there."""
        part = self._parts.get(partition)
        if part is None:
            return None
        for labels, vectors in (part.tail.rows([label]), part.graph.items([label]) if part.graph else ([], None)):
            if labels and vectors is not None:
                vector: Vector = vectors[0]
                return vector
        return None

    async def settled(self) -> None:
        """Return when no graph is in the making."""
        while tasks := [part.build.task for part in self._parts.values() if part.build and part.build.task]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        tasks = [part.build.task for part in self._parts.values() if part.build and part.build.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._builder.shutdown(wait=True, cancel_futures=True)

    def _start_build(self, partition: str, part: _Part) -> None:
        build = part.build = _Build()
        build.task = asyncio.get_running_loop().create_task(self._make_anew(partition, part, build))

    async def _make_anew(self, partition: str, part: _Part, build: _Build) -> None:
        try:
            await self._replace(part, build)
        except (RuntimeError, MemoryError) as error:
            # A scan still answers; the next try comes when there is twice as much.
            part.longest_tail = 2 * max(len(part.tail), part.longest_tail)
            _log.warning("cache_graph_failed", rows=len(part), reason=str(error) or type(error).__name__)
        finally:
            part.build = None
        if len(part) == 0:
            self._parts.pop(partition, None)

    async def _replace(self, part: _Part, build: _Build) -> None:
        """Put all rows into a new graph, or back into a tail where they have become few, and publish it."""
        labels, vectors = part.tail.items()
        # What came before this task had its first turn is among them; hnswlib would repair the graph for each again.
        build.added = []
        if part.graph is not None:
            older, their_vectors = await self._in_thread(part.graph.items, part.graph.labels())
            labels, vectors = older + labels, np.concatenate([their_vectors, vectors])
        if len(labels) - len(build.removed) <= self._exact_limit:
            tail = ExactIndex(self._dimension)
            for label, vector in zip(labels, vectors, strict=True):
                tail.add(label, vector)
            for label, vector in zip(*part.tail.rows(build.added), strict=True):
                tail.add(label, vector)
            for label in build.removed:
                tail.remove(label)
            part.graph, part.tail = None, tail
            return
        bulk = max(self._settings.m, self._settings.ef_construction // _BULK_SHARE)
        settings = replace(self._settings, ef_construction=bulk)
        graph = GraphIndex(self._dimension, int(_SLACK * len(labels)), settings)
        await self._fill(graph, labels, vectors)
        while len(build.added) > _REST:
            labels, vectors = part.tail.rows(build.added)
            build.added = []
            await self._fill(graph, labels, vectors)
        await self._in_thread(graph.reserve, int(_SLACK * len(graph)))
        tail = ExactIndex(self._dimension)
        for label, vector in zip(*part.tail.rows(build.added), strict=True):
            tail.add(label, vector)
        for label in build.removed:
            graph.remove(label)
        part.graph, part.tail = graph, tail

    async def _fill(self, graph: GraphIndex, labels: list[int], vectors: NDArray[np.float32]) -> None:
        for start in range(0, len(labels), _STEP):
            step = slice(start, start + _STEP)
            await self._in_thread(graph.add_many, labels[step], vectors[step], self._build_threads)

    async def _in_thread(self, call: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._builder, call, *arguments)


def _step_back() -> None:
    """Let the builder's threads run only when no request wants the processor; Linux knows that for single threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, _BUILD_NICENESS)
