"""A proxy before the real API server that answers some requests with a fault instead."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import aiohttp
from aiohttp import web

HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "keep-alive"})
GONE = (
    b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"too old resource version: 1 (9)","reason":"Expired","code":410}}\n'
)


@dataclass
class Fault:
    """What happens to the next `times` requests of `method` whose path and query hold `part`.

    `status` answers, with `retry_after`; 0 cuts the connection; 410 of a watch comes as an event in the stream.
    """

    method: str
    part: str
    status: int = 0
    times: int = 1
    retry_after: str | None = None
    happened: int = 0


class FaultProxy:
    """Plain HTTP on 127.0.0.1. Safe to use from the test's thread while it serves in its own.

    What is `silent` is never answered; answers bear the date of a clock that is `clock_seconds` ahead.
    """

    def __init__(self, target: str, certificate: Path) -> None:
        self.faults: list[Fault] = []
        self.delay_seconds = 0.0
        self.frozen: Callable[[str], bool] = lambda path: False
        self.silent: Callable[[str], bool] = lambda path: False
        self.clock_seconds = 0.0
        self.url = ""
        self._target = target
        self._certificate = certificate
        self._streams: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()

    def fault(self, method: str, part: str, status: int = 0, times: int = 1, retry_after: str | None = None) -> Fault:
        added = Fault(method, part, status, times, retry_after)
        self.faults.append(added)
        return added

    def cut_streams(self) -> int:
        """Cuts every open watch; returns how many."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    async def _cut(self) -> int:
        streams = list(self._streams)
        for transport in streams:
            transport.abort()
        return len(streams)

    async def serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        trust = ssl.create_default_context(cafile=str(self._certificate))
        connector = aiohttp.TCPConnector(ssl=trust, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=timeout) as session:

            async def handle(request: web.Request) -> web.StreamResponse:
                try:
                    return await self._handle(session, request)
                except ConnectionError:  # cut by us, or left by the operator
                    return web.Response(status=502)

            runner = web.AppRunner(web.Application(client_max_size=2**24), access_log=None, shutdown_timeout=0.1)
            runner.app.router.add_route("*", "/{path:.*}", handle)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            started.set()
            await stop.wait()
            await runner.cleanup()

    async def _handle(self, session: aiohttp.ClientSession, request: web.Request) -> web.StreamResponse:
        fault = self._next_fault(request)
        if fault is not None and fault.status == 410 and "watch=true" in request.path_qs:
            return web.Response(body=GONE, content_type="application/json")
        if fault is not None and fault.status:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            status = {"kind": "Status", "code": fault.status, "reason": "Injected", "message": "injected by the test"}
            return web.json_response(status, status=fault.status, headers=headers)
        if fault is not None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        # Until whoever asks gives up.
        while self.silent(request.path_qs) and request.transport is not None:
            await asyncio.sleep(0.1)
        if self.delay_seconds and "watch=true" not in request.path_qs:
            await asyncio.sleep(self.delay_seconds)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        target, body = f"{self._target}{request.path_qs}", await request.read() or None
        async with session.request(
            request.method, target, headers=headers, data=body, skip_auto_headers=("Content-Type",)
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            if self.clock_seconds:
                kept["Date"] = formatdate(time.time() + self.clock_seconds, usegmt=True)
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            assert request.transport is not None
            transport = request.transport
            self._streams.add(transport)
            try:
                async for chunk in answer.content.iter_any():
                    if not self.frozen(request.path_qs):
                        await response.write(chunk)
                await response.write_eof()
            finally:
                self._streams.discard(transport)
            return response

    def _next_fault(self, request: web.Request) -> Fault | None:
        for fault in self.faults:
            if fault.happened < fault.times and fault.method == request.method and fault.part in request.path_qs:
                fault.happened += 1
                return fault
        return None


@contextmanager
def fault_proxy(target: str, certificate: Path) -> Iterator[FaultProxy]:
    """Runs a proxy before the API server at `target` until the block ends."""
    proxy = FaultProxy(target, certificate)
    started, stop = threading.Event(), asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(proxy._loop)
        proxy._loop.run_until_complete(proxy.serve(started, stop))
        proxy._loop.close()

    thread = threading.Thread(target=run, name="fault-proxy", daemon=True)
    thread.start()
    assert started.wait(10), "the proxy did not start"
    try:
        yield proxy
    finally:
        proxy._loop.call_soon_threadsafe(stop.set)
        thread.join(10)
