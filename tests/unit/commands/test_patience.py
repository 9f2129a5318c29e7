"""An export begins again while a router or a store is not there yet, and only then."""

import asyncio

import grpc
import pytest

from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.commands.cache_target import CommandError, NotReachedError
from semantic_router_proxy.commands.patience import passes, patiently


class _Rpc(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str = "") -> None:
        super().__init__()
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


def _store(cause: BaseException | None) -> StoreUnavailable:
    """As the store tells it: in one sentence, whatever lies below."""
    middle = RuntimeError("illegal connection params or server unavailable")
    middle.__cause__ = cause
    error = StoreUnavailable("Milvus at milvus:19530: cannot be reached")
    error.__cause__ = middle
    return error


def _late() -> StoreUnavailable:
    try:
        try:
            raise TimeoutError
        except TimeoutError:
            raise StoreUnavailable("Milvus gave no answer within 5 s") from None
    except StoreUnavailable as error:
        return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotReachedError("http://router:8080 does not answer"), True),
        (_late(), True),
        (_store(_Rpc(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses")), True),
        (_store(_Rpc(grpc.StatusCode.DEADLINE_EXCEEDED)), True),
        (_store(ConnectionRefusedError()), True),
        (_store(_Rpc(grpc.StatusCode.UNAVAILABLE, "Ssl handshake failed: CERTIFICATE_VERIFY_FAILED")), False),
        (_store(_Rpc(grpc.StatusCode.UNAUTHENTICATED)), False),
        (_store(_Rpc(grpc.StatusCode.PERMISSION_DENIED)), False),
        (_store(None), False),
        (CommandError("the router said 401: a token is wanted"), False),
    ],
    ids=str,
)
def test_what_passes_by_itself(error: Exception, expected: bool) -> None:
    assert passes(error) is expected


def _tried(seconds: float, *errors: Exception) -> list[float]:
    """Return the pauses between attempts, of which the first ones fail. Raises what the last one has raised."""
    left, pauses = list(errors), list[float]()

    async def work() -> int:
        if left:
            raise left.pop(0)
        return 0

    async def pause(length: float) -> None:
        pauses.append(length)

    assert asyncio.run(patiently(work, seconds, pause=pause)) == 0
    return pauses


def test_it_begins_again_with_longer_and_longer_pauses(capsys: pytest.CaptureFixture[str]) -> None:
    away = NotReachedError("http://router:8080 does not answer")
    assert _tried(600, away, _late(), away) == [2, 4, 8]
    assert "trying again in 2 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "error"), [(600, CommandError("it said 401")), (0, NotReachedError("away")), (1, _late())]
)
def test_it_ends_at_once(seconds: float, error: Exception) -> None:
    with pytest.raises(type(error)):
        _tried(seconds, error)
