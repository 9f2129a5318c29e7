"""All partitions' indexes. One lookup touches one partition only, so nothing is ever filtered in Python.

A partition is a tail that is scanned exactly and, once that has become long, a graph beside it. A graph is made in a
thread while the tail keeps answering; the finished one takes the old one's place between two lookups.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import Vector
from semantic_router_proxy.cache.index.allocator import give_back
from semantic_router_proxy.cache.index.exact import ExactIndex
from semantic_router_proxy.cache.index.graph import GraphIndex, GraphSettings
from semantic_router_proxy.cache.index.projection import SAMPLE, Projection, learn
from semantic_router_proxy.cache.index.threads import build_threads

Result = TypeVar("Result")

# Up to here a scan (4096 x 384 floats) costs little more than a walk through a graph, and is never wrong.
EXACT_LIMIT = 4096
_REBUILD_SHARE = 0.3
# Room for what is added until so many rows are deleted that the graph is made anew.
_SLACK = 1.5
# Rows per step of a build: a step cannot be interrupted, and the router must be able to stop. Reading them takes 1 ms.
_STEP = 1000
# So few rows that came during a build stay in the tail.
_REST = 16
_BUILD_NICENESS = 10
# A graph that is made at once looks at half of `ef_construction` neighbours for each row: for 100,000 embedded
# sentences 18 s of processor time in place of 24 s, with the same recall.
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

    def labels(self) -> list[int]:
        return (self.graph.labels() if self.graph is not None else []) + self.tail.labels()

    def rows(self, labels: list[int]) -> tuple[list[int], NDArray[np.float32]]:
        """Return a copy of those of the labels that are there, and of their vectors."""
        there, vectors = self.tail.rows(labels)
        if self.graph is not None and len(there) < len(labels):
            older, their_vectors = self.graph.rows(labels)
            there, vectors = older + there, np.concatenate([their_vectors, vectors])
        return there, vectors


class PartitionedIndex:
    """Vectors by partition and label, a label being used once. For use from one event loop."""

    def __init__(
        self,
        dimension: int,
        settings: GraphSettings,
        exact_limit: int = EXACT_LIMIT,
        built: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._built = built
        self._dimension = dimension
        bulk = max(settings.m, settings.ef_construction // _BULK_SHARE)
        self._bulk = replace(settings, ef_construction=bulk)
        self._exact_limit = exact_limit
        self._parts: dict[str, _Part] = {}
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="graph", initializer=_step_back)
        self._build_threads = build_threads()
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
        there, vectors = part.rows([label])
        return vectors[0] if there else None

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
        begin = time.perf_counter()
        try:
            await self._replace(part, build)
            self._built(time.perf_counter() - begin)
            await self._in_thread(give_back)
        except (RuntimeError, MemoryError, np.linalg.LinAlgError) as error:
            # A scan still answers; the next try comes when there is twice as much.
            part.longest_tail = 2 * max(len(part.tail), part.longest_tail)
            _log.warning("cache_graph_failed", rows=len(part), reason=str(error) or type(error).__name__)
        finally:
            part.build = None
        if len(part) == 0:
            self._parts.pop(partition, None)

    async def _replace(self, part: _Part, build: _Build) -> None:
        """Put all rows into a new graph, or back into a tail where they have become few, and publish it."""
        graph: GraphIndex | None = None
        while graph is None or len(build.added) > len(graph):
            # At first; and again where most rows came meanwhile, whose directions are then not known yet.
            labels = part.labels()
            # What came before this turn is among them; hnswlib would repair the graph for each again.
            build.added = []
            if len(labels) <= self._exact_limit:
                tail = ExactIndex(self._dimension)
                for label, vector in zip(*part.rows(labels), strict=True):
                    tail.add(label, vector)
                part.graph, part.tail = None, tail
                return
            graph = GraphIndex(await self._projection(part, labels), int(_SLACK * len(labels)), self._bulk)
            await self._fill(graph, part, labels)
        while len(build.added) > _REST:
            labels, build.added = build.added, []
            await self._fill(graph, part, labels)
        # From here on nothing is awaited, so nothing comes or goes.
        tail = ExactIndex(self._dimension)
        for label, vector in zip(*part.tail.rows(build.added), strict=True):
            tail.add(label, vector)
        for label in build.removed:
            graph.remove(label)
        part.graph, part.tail = graph, tail

    async def _fill(self, graph: GraphIndex, part: _Part, labels: list[int]) -> None:
        # Once for all of them: each time, all rows are moved.
        await self._in_thread(graph.reserve, int(_SLACK * (len(graph) + len(labels))))
        async for step, vectors in _in_steps(part, labels):
            await self._in_thread(graph.add_many, step, vectors, self._build_threads)

    async def _projection(self, part: _Part, labels: list[int]) -> Projection:
        # The first portion is read before anything is awaited, so there is one.
        sample = [vectors async for _, vectors in _in_steps(part, labels[:: max(1, len(labels) // SAMPLE)])]
        return await self._in_thread(learn, np.concatenate(sample))

    async def _in_thread(self, call: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._builder, call, *arguments)


async def _in_steps(part: _Part, labels: list[int]) -> AsyncIterator[tuple[list[int], NDArray[np.float32]]]:
    """Read rows in portions that no request has to wait long for; those that have left meanwhile are passed over."""
    for start in range(0, len(labels), _STEP):
        there, vectors = part.rows(labels[start : start + _STEP])
        if there:
            yield there, vectors
        await asyncio.sleep(0)


def _step_back() -> None:
    """Let the builder's threads run only when no request wants the processor; Linux knows that for single threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, _BUILD_NICENESS)
