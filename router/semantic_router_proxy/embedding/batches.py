"""Short questions that wait for the embedder at the same time are answered by one run.

A run over a few short texts costs little more than a run over one: the time goes into reading the weights. Nothing
waits for a batch to fill; whatever came while the thread was busy goes together next.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from semantic_router_proxy.embedding.base import EmbeddingError, Vectors

# More texts a run gain no throughput and let the first of them wait longer.
_SHARED_TEXTS = 4
# A longer text would make the others pay for padding up to its length.
_SHORT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Waiting:
    texts: tuple[str, ...]
    result: asyncio.Future[Vectors]

    @property
    def short(self) -> bool:
        return all(len(text) <= _SHORT_CHARACTERS for text in self.texts)


class Batches:
    """Calls `embed`, which is not asynchronous, in `executor`, for one batch after the other in order of arrival."""

    def __init__(self, embed: Callable[[Sequence[str]], Vectors], executor: Executor) -> None:
        self._embed = embed
        self._executor = executor
        self._queue: deque[_Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, texts: tuple[str, ...]) -> Vectors:
        """Return the rows for these texts. Raises what `embed` raises, and EmbeddingError once closed."""
        if self._closed:
            raise EmbeddingError("the embedder is closed")
        waiting = _Waiting(texts, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._drain())
        return await waiting.result

    def close(self) -> None:
        """Refuse what waits; the batch that runs still gets its answer."""
        self._closed = True
        for waiting in self._queue:
            if not waiting.result.done():
                waiting.result.set_exception(EmbeddingError("the embedder is closed"))

    async def _drain(self) -> None:
        while self._queue:
            batch = self._take()
            if batch:
                await self._answer(batch)

    def _take(self) -> list[_Waiting]:
        """Return the first request that still has a reader, and the short ones behind it where it is short."""
        batch: list[_Waiting] = []
        texts = 0
        while self._queue:
            following = self._queue[0]
            if following.result.done():
                self._queue.popleft()
                continue
            if batch and not (following.short and batch[0].short and texts + len(following.texts) <= _SHARED_TEXTS):
                break
            batch.append(self._queue.popleft())
            texts += len(following.texts)
        return batch

    async def _answer(self, batch: list[_Waiting]) -> None:
        texts = [text for waiting in batch for text in waiting.texts]
        try:
            vectors = await asyncio.get_running_loop().run_in_executor(self._executor, self._embed, texts)
        except Exception as error:  # noqa: BLE001 - each caller gets it, whatever it is
            for waiting in batch:
                if not waiting.result.done():
                    waiting.result.set_exception(error)
            return
        ends = np.cumsum([len(waiting.texts) for waiting in batch])[:-1]
        for waiting, rows in zip(batch, np.split(vectors, ends), strict=True):
            if not waiting.result.done():
                waiting.result.set_result(rows)
