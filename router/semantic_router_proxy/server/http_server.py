"""uvicorn as this router runs it: the limits that must hold before an application sees a request."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from semantic_router_proxy.config.server import ServerConfig
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.http import ASGIApp

_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


def uvicorn_config(app: ASGIApp, limits: ServerConfig) -> uvicorn.Config:
    """Return the settings of one listener."""

    class Protocol(_LimitedProtocol):
        max_header_bytes = limits.max_header_bytes
        receive_timeout = limits.receive_timeout_seconds

    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        date_header=False,
        # Who the caller is, is never taken from a header.
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(limits.drain_seconds)),
        backlog=4096,
    )


class _HeadTooLargeError(Exception):
    pass


class _LimitedProtocol(HttpToolsProtocol):
    """Refuses a request's head that is too large (431) or too slow (408); httptools has no limit of its own."""

    max_header_bytes: int
    receive_timeout: float

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = self._in_body = False
        self._head_bytes = 0
        self._unfinished = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._refusal = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.receive_timeout, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        raw = self._unfinished + len(data) if self._in_head else 0 if self._in_body else len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        # An endless header never reaches on_header, so what has come of an unfinished head counts as it is.
        self._unfinished = raw
        if raw > self.max_header_bytes:
            self._refusal = 431
            self.send_400_response("")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.receive_timeout, self._too_slow)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be served, as the API words its errors, and close."""
        if self.transport.is_closing():
            return
        status = self._refusal
        words = {
            408: f"The request's head did not arrive within {self.receive_timeout:g} s.",
            431: f"The request's head is larger than the limit of {self.max_header_bytes} bytes.",
        }.get(status, "This is not a valid HTTP request.")
        body = ApiError(status, words).body
        head = b"HTTP/1.1 %d %s\r\n" % (status, _REASONS[status])
        head += b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.max_header_bytes:
            self._refusal = 431
            raise _HeadTooLargeError

    def _too_slow(self) -> None:
        self._head_timer = None
        if self._in_head:
            self._refusal = 408
            self.send_400_response("")
        else:
            # Nothing was asked on this connection.
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
