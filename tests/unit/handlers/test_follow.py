"""Asking again and again, and telling only what has turned."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from semantic_router_operator.handlers.follow import Follower, Key

KEY = ("a", "x")


class Asked:
    """Answers what `answers` says of a subject, and counts."""

    def __init__(self) -> None:
        self.answers: dict[str, str | Exception | None] = {}
        self.subjects: list[str] = []
        self.turned: list[Key] = []
        self.follower = Follower[str, str](self._ask, lambda key, found, age: 0.0, self.turned.append)

    async def _ask(self, subject: str, before: str | None) -> str | None:
        self.subjects.append(subject)
        answer = self.answers.get(subject)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.follower.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def test_a_finding_is_told_once_until_it_turns() -> None:
    asked = Asked()
    asked.answers["one"] = "well"
    asked.follower.follow(KEY, "one")
    async with asked.running():
        await _until(lambda: len(asked.subjects) > 5)
        assert asked.turned == [KEY]
        asked.answers["one"] = "ill"
        await _until(lambda: asked.follower.found(KEY) == "ill")
        assert asked.turned == [KEY, KEY]


async def test_what_was_found_of_another_subject_is_forgotten() -> None:
    asked = Asked()
    asked.answers["one"] = "well"
    async with asked.running():
        await asyncio.sleep(0)
        asked.follower.follow(KEY, "one")
        await _until(lambda: asked.follower.found(KEY) == "well")
        asked.follower.follow(KEY, "two")
        assert asked.follower.found(KEY) is None
        await _until(lambda: asked.subjects[-1] == "two")
        asked.follower.follow(KEY, None)
        count = len(asked.subjects)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(asked.subjects) <= count + 1


async def test_the_last_finding_holds_while_it_cannot_be_asked() -> None:
    asked = Asked()
    asked.answers["one"] = "well"
    asked.follower.follow(KEY, "one")
    async with asked.running():
        await _until(lambda: asked.follower.found(KEY) == "well")
        for fault in (None, RuntimeError("broken")):
            asked.answers["one"] = fault
            count = len(asked.subjects)
            await _until(lambda known=count: len(asked.subjects) > known + 2)  # type: ignore[misc]
            assert asked.follower.found(KEY) == "well"
    assert asked.turned == [KEY]
