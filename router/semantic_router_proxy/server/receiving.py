"""A provider's answer on its way into a flight: checked, translated, whole or event by event."""

from collections.abc import Callable
from typing import Any

import orjson

from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.failures import provider_error
from semantic_router_proxy.server.flight import Flight, Verdict
from semantic_router_proxy.server.passing import to_client
from semantic_router_proxy.server.protocols.base import Translation, WireProtocol
from semantic_router_proxy.server.sse import DONE, EventSplitter
from semantic_router_proxy.upstream.client import Exchange

# Told the whole answer, before the clients are told that it is complete.
Counted = Callable[[dict[str, Any]], None]


async def receive(
    flight: Flight,
    protocol: WireProtocol,
    exchange: Exchange,
    translation: Translation | None,
    verdict: Verdict,
    counted: Counted,
) -> None:
    """Take the provider's answer over into the flight.

    Raises ApiError for one that is an error or none at all, and UpstreamError where it breaks off.
    """
    if not 200 <= exchange.status < 300:
        raise provider_error(exchange, await exchange.read(), to_client(exchange.headers))
    if exchange.headers.get("content-type", "").startswith("text/event-stream"):
        await _receive_stream(flight, protocol, exchange, translation, verdict, counted)
        return
    name = exchange.target.provider.name
    body = await exchange.read()
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiError(502, f"Provider {name} sent an answer that is not JSON.", code="bad_upstream") from None
    if translation is not None:
        try:
            answer = translation.whole(answer)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise _unreadable(name) from None
        body = orjson.dumps(answer)
    counted(answer)
    flight.begin(verdict, streamed=False)
    flight.finish(body)


async def _receive_stream(
    flight: Flight,
    protocol: WireProtocol,
    exchange: Exchange,
    translation: Translation | None,
    verdict: Verdict,
    counted: Counted,
) -> None:
    name = exchange.target.provider.name
    splitter = EventSplitter()
    flight.begin(verdict, streamed=True)

    def add(events: list[bytes]) -> None:
        for event in events:
            for said in (event,) if translation is None else translation.event(event):
                flight.add(said)

    try:
        async for chunk in exchange.chunks():
            add(splitter.feed(chunk))
        add(splitter.finish())
        for said in translation.finish() if translation is not None else ():
            flight.add(said)
        answer = protocol.assemble(flight.events)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise _unreadable(name) from None
    if answer is None:
        raise ApiError(502, f"Provider {name} ended its answer too early.", code="cut_stream")
    if flight.events[-1] != DONE and protocol.usage_on_request:
        flight.add(DONE)
    counted(answer)
    flight.finish(orjson.dumps(answer))


def _unreadable(provider: str) -> ApiError:
    return ApiError(502, f"Provider {provider} sent an answer that cannot be read.", code="bad_upstream")
