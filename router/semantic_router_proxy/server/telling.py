"""An answer on its way to one client: from the cache at once, or from a flight as it comes into being."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import orjson

from semantic_router_proxy.cache.entry import CacheHit
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.flight import Flight, Verdict
from semantic_router_proxy.server.gateway import Gateway, Request
from semantic_router_proxy.server.http import (
    EVENT_STREAM,
    JSON,
    ClientGoneError,
    Header,
    Receive,
    Send,
    header_text,
    send_bytes,
    send_error,
)
from semantic_router_proxy.server.observe import RequestRecord
from semantic_router_proxy.server.verdicts import exact_verdict


async def send_hit(gateway: Gateway, request: Request, hit: CacheHit, send: Send) -> None:
    verdict = exact_verdict(hit)
    request.record.status = 200
    request.record.question = hit.header.query
    _note(request.record, verdict)
    headers = _headers(request.record, verdict)
    if request.stream:
        answer = orjson.loads(hit.response)
        events = request.protocol.replay(answer, include_usage=request.include_usage)
        await send_bytes(send, 200, (*EVENT_STREAM, *headers), b"".join(events))
    else:
        await send_bytes(send, 200, (JSON, *headers), hit.response)
    _saved(gateway, verdict, hit.response)


@contextlib.asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Run the block until the client leaves. Raises ClientGoneError when it does."""
    me = asyncio.current_task()
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        if me is not None:
            me.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not gone:
            raise
        if me is not None:
            me.uncancel()
        raise ClientGoneError from None
    finally:
        watcher.cancel()


async def wait_for_answer(gateway: Gateway, request: Request, seconds: float, receive: Receive, send: Send) -> None:
    """Join the flight that makes the answer and tell it to the client, until one of the two is gone.

    Raises ClientGoneError.
    """
    flight, coalesced = gateway.fly(request)
    landed = flight.finished
    request.record.coalesced = coalesced
    flight.join()
    sender = _Sender(send, request)
    try:
        async with while_connected(receive), asyncio.timeout(seconds):
            await _tell(gateway, flight, request, sender, landed=landed)
    except TimeoutError:
        await sender.fail(ApiError(504, f"The answer took longer than {seconds:g} s.", code="request_timeout"))
    finally:
        gateway.leave(flight, request)


async def _tell(gateway: Gateway, flight: Flight, request: Request, sender: "_Sender", *, landed: bool) -> None:
    await flight.until_begun()
    verdict = flight.verdict
    if verdict is None:
        await sender.fail(flight.failure or ApiError(500, "No answer was made."))
        return
    if landed and verdict.cache == "miss":
        # The answer was complete before this request came; it is only not in the cache's index yet.
        verdict = Verdict("hit", "exact", 1.0, time.time(), verdict.model, verdict.decision, verdict.reason)
    _note(request.record, verdict)
    protocol = request.protocol
    if request.stream and flight.streamed:
        await sender.begin_stream(verdict)
        async for event in flight.each_event():
            if request.include_usage or not protocol.usage_only(event):
                await sender.event(event)
        if flight.failure is not None:
            await sender.event(protocol.broken(flight.failure.message))
        await sender.end_stream()
    else:
        await flight.until_finished()
        if flight.body is None:
            await sender.fail(flight.failure or ApiError(502, "The answer is not complete."))
            return
        if request.stream:
            answer = orjson.loads(flight.body)
            await sender.begin_stream(verdict)
            for event in protocol.replay(answer, include_usage=request.include_usage):
                await sender.event(event)
            await sender.end_stream()
        else:
            await sender.whole(verdict, flight.body)
    if verdict.cache == "hit" and flight.body is not None:
        _saved(gateway, verdict, flight.body)


class _Sender:
    """Tells one answer to one client, and knows how much of it is out already."""

    def __init__(self, send: Send, request: Request) -> None:
        self._send = send
        self._request = request
        self._streaming = False

    async def whole(self, verdict: Verdict, body: bytes) -> None:
        self._request.record.status = 200
        await send_bytes(self._send, 200, (JSON, *_headers(self._request.record, verdict)), body)

    async def begin_stream(self, verdict: Verdict) -> None:
        self._request.record.status = 200
        self._streaming = True
        headers = [*EVENT_STREAM, *_headers(self._request.record, verdict)]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def event(self, event: bytes) -> None:
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def end_stream(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, error: ApiError) -> None:
        if self._streaming:
            await self.event(self._request.protocol.broken(error.message))
            await self.end_stream()
            return
        self._request.record.status = error.status
        words = self._request.protocol.error(error)
        await send_error(self._send, error, identity_headers(self._request.record), words)


def _note(record: RequestRecord, verdict: Verdict) -> None:
    record.cache = verdict.cache
    record.tier = verdict.tier
    record.similarity = verdict.similarity
    record.model = verdict.model
    record.decision = verdict.decision
    record.reason = verdict.reason


def _saved(gateway: Gateway, verdict: Verdict, body: bytes) -> None:
    if b'"usage"' in body:
        gateway.count_tokens(verdict.model, orjson.loads(body), saved=True)


def identity_headers(record: RequestRecord) -> list[Header]:
    return [(b"x-request-id", record.request_id.encode("ascii"))] if record.request_id else []


def _headers(record: RequestRecord, verdict: Verdict) -> list[Header]:
    headers = identity_headers(record)
    headers.append((b"x-vsr-cache", verdict.cache.encode()))
    if verdict.cache == "hit":
        headers += [
            (b"x-vsr-cache-tier", verdict.tier.encode()),
            (b"x-vsr-cache-similarity", f"{min(verdict.similarity, 1.0):.4f}".encode()),
            (b"x-vsr-cache-hit", b"true"),
            (b"age", str(max(0, int(time.time() - verdict.created_at))).encode()),
        ]
        if verdict.entry_id:
            headers.append((b"x-vsr-cache-entry", verdict.entry_id.encode()))
    elif record.cache_reason:
        headers.append((b"x-vsr-cache-reason", record.cache_reason.encode()))
    if verdict.model:
        headers.append((b"x-vsr-selected-model", header_text(verdict.model)))
    if verdict.decision:
        headers.append((b"x-vsr-selected-decision", header_text(verdict.decision)))
    if verdict.reason:
        headers.append((b"x-vsr-selected-reason", header_text(verdict.reason)))
    if verdict.escalated:
        headers.append((b"x-vsr-escalated", b"true"))
    if verdict.cache != "hit" or verdict.tier == "semantic":
        headers.append((b"x-vsr-selected-reasoning", b"on" if verdict.use_reasoning else b"off"))
    headers += verdict.upstream_headers
    return headers
