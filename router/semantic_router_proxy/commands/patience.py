"""Begins again while a router or a store cannot be reached yet, or gives no answer in time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import typer

from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.commands.cache_target import CommandError, NotReachedError

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_PASSING = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})


async def patiently(
    work: Callable[[], Awaitable[int]],
    seconds: float,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Return what the work returns.

    Between two attempts lie 2, 4, 8 … 60 s; none begins later than `seconds` after the first. Raises what the last one
    raises, and at once what does not pass by itself.
    """
    now = asyncio.get_running_loop().time
    end, length = now() + seconds, _FIRST_PAUSE
    while True:
        try:
            return await work()
        except (CommandError, StoreUnavailable) as error:
            if not passes(error) or now() + length > end:
                raise
            typer.echo(f"semantic-router cache: {error}; trying again in {length:g} s", err=True)
        await pause(length)
        length = min(2 * length, _LONGEST_PAUSE)


def passes(error: Exception) -> bool:
    """Whether the same may go well in a while. What refuses a password, a right or a certificate does not pass."""
    if isinstance(error, NotReachedError):
        return True
    if not isinstance(error, StoreUnavailable):
        return False
    for cause in _causes(error):
        # pymilvus says the same of a server that is away and of one that refuses; the code of gRPC below it does not.
        code = getattr(cause, "code", None)
        name = getattr(code() if callable(code) else None, "name", "")
        if name:
            details = str(getattr(cause, "details", str)() or "").lower()
            return name in _PASSING and not ("handshake" in details or "certificate" in details)
        if isinstance(cause, TimeoutError | ConnectionError):
            return True
    return False


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies below it, the outermost first, with what `from None` hides."""
    below = error.__cause__ or error.__context__
    while below is not None:
        yield below
        below = below.__cause__ or below.__context__
