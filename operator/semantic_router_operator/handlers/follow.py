"""Asks about something again and again, and tells when the answer has turned."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

Key = tuple[str, str]
Subject = TypeVar("Subject")
Finding = TypeVar("Finding")

log = structlog.get_logger()


@dataclass
class _Followed(Generic[Subject, Finding]):
    subject: Subject
    since: float
    finding: Finding | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Follower(Generic[Subject, Finding]):
    """One subject for each key.

    `ask` is given the subject and what was found of it before; None means that it could not be asked now. `pause` says
    how many seconds to wait after a finding; it is also given the seconds since the subject last changed. `turned` is
    called with the key when a finding differs from the one before.
    """

    def __init__(
        self,
        ask: Callable[[Subject, Finding | None], Awaitable[Finding | None]],
        pause: Callable[[Key, Finding | None, float], float],
        turned: Callable[[Key], None],
    ) -> None:
        self._ask = ask
        self._pause = pause
        self._turned = turned
        self._followed: dict[Key, _Followed[Subject, Finding]] = {}
        self._group: asyncio.TaskGroup | None = None

    def follow(self, key: Key, subject: Subject | None) -> None:
        """From now on, ask about this subject; None: about nothing. What was found of another one is forgotten."""
        known = self._followed.get(key)
        if known is not None and subject is not None:
            if known.subject != subject:
                known.subject, known.finding = subject, None
                self.again(key)
            return
        if known is not None:
            del self._followed[key]
            if known.task is not None:
                known.task.cancel()
        if subject is not None:
            self._followed[key] = _Followed(subject, time.monotonic())
            self._start(key)

    def again(self, key: Key) -> None:
        """Ask at once, and often for a while: something has changed."""
        if (known := self._followed.get(key)) is not None:
            known.since = time.monotonic()
            known.wake.set()

    def found(self, key: Key) -> Finding | None:
        """What is known of the present subject; None: nothing yet."""
        known = self._followed.get(key)
        return known.finding if known is not None else None

    async def run(self) -> None:
        """Asks until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            for key in self._followed:
                self._start(key)
            await asyncio.Event().wait()

    def _start(self, key: Key) -> None:
        if self._group is not None:
            one = self._followed[key]
            one.task = self._group.create_task(self._go_on(key, one))

    async def _go_on(self, key: Key, one: _Followed[Subject, Finding]) -> None:
        while True:
            subject = one.subject
            one.wake.clear()
            try:
                finding = await self._ask(subject, one.finding)
            except Exception:  # one broken answer must not end the others
                log.exception("probe_failed", namespace=key[0], name=key[1])
                finding = None
            if one.subject is not subject:
                continue
            # Without an answer the last one holds.
            if finding is not None:
                turned, one.finding = finding != one.finding, finding
                if turned:
                    self._turned(key)
            seconds = self._pause(key, finding, time.monotonic() - one.since) * random.uniform(0.8, 1.2)  # noqa: S311
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(one.wake.wait(), seconds)
