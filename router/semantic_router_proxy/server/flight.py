"""One answer on its way, and everyone who waits for it (rule 7 of the cache: one upstream call for equal requests)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.http import Header


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the headers of an answer tell about it. `created_at` is Unix seconds, 0 for an answer of now."""

    cache: str
    tier: str = ""
    similarity: float = 0.0
    created_at: float = 0.0
    model: str = ""
    decision: str = ""
    reason: str = ""
    use_reasoning: bool = False
    upstream_headers: tuple[Header, ...] = ()
    entry_id: str = ""
    escalated: bool = False


class Flight:
    """An answer that comes into being: first its verdict, then its events where it is streamed, at last its body.

    The task that makes the answer belongs to the flight, not to the client that asked first; it is cancelled when
    nobody waits any more.
    """

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self.events: list[bytes] = []
        self.streamed = False
        self.body: bytes | None = None
        self.failure: ApiError | None = None
        self.finished = False
        self.task: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._clients = 0

    def join(self) -> None:
        self._clients += 1

    def leave(self) -> bool:
        """Take one client away; True where that ended the flight."""
        self._clients -= 1
        if self._clients or self.finished or self.task is None:
            return False
        self.task.cancel()
        return True

    def begin(self, verdict: Verdict, *, streamed: bool) -> None:
        self.verdict = verdict
        self.streamed = streamed
        self._wake()

    def add(self, event: bytes) -> None:
        self.events.append(event)
        self._wake()

    def finish(self, body: bytes | None) -> None:
        """Everything was said. `body` is the whole answer, None where a stream could not be put together."""
        if not self.finished:
            self.body = body
            self.finished = True
            self._wake()

    def fail(self, failure: ApiError) -> None:
        if not self.finished:
            self.failure = failure
            self.finished = True
            self._wake()

    async def until_begun(self) -> None:
        while self.verdict is None and not self.finished:
            await self._change()

    async def until_finished(self) -> None:
        while not self.finished:
            await self._change()

    async def each_event(self) -> AsyncIterator[bytes]:
        """Yield all events, those that were told before one joined included."""
        told = 0
        while True:
            while told < len(self.events):
                yield self.events[told]
                told += 1
            if self.finished:
                return
            await self._change()

    async def _change(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)
