"""ASGI by hand: reading a body within limits, and sending answers. The hot path goes through here only."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

import orjson

from semantic_router_proxy.server.errors import ApiError, invalid

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON: Header = (b"content-type", b"application/json")
EVENT_STREAM: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_NOT_IN_A_HEADER = re.compile(r"[^\x20-\x7e]")


class ClientGoneError(Exception):
    """The client closed its connection; nobody waits for an answer."""


def header_map(scope: Scope) -> dict[str, str]:
    """Return the request's headers with lower-case names; of a repeated one the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's request id where it is harmless, else a new one."""
    given = headers.get("x-request-id")
    return given if given and _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"


def header_text(text: str, longest: int = 300) -> bytes:
    """Return text of any kind as a header's value: printable ASCII, cut to a length."""
    return _NOT_IN_A_HEADER.sub("?", text[:longest]).encode("ascii")


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int, seconds: float) -> bytes:
    """Return the request's body.

    Raises ApiError 413 above the limit, 408 where it takes longer, and ClientGoneError when the client leaves.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _whole_body(receive, limit)
    except TimeoutError:
        raise ApiError(408, f"The request's body did not arrive within {seconds:g} s.", code="slow_request") from None


async def _whole_body(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        more = bool(message.get("more_body"))
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def parse_object(body: bytes, deepest: int) -> dict[str, Any]:
    """Return the JSON object that a body holds. Raises ApiError 400 where it is none, or nested deeper than allowed."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(
            f"The request body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    if not isinstance(data, dict):
        raise invalid("The request body must be a JSON object.")
    # Few bodies have so many brackets at all that they have to be walked.
    if body.count(b"[") + body.count(b"{") > deepest and _depth_exceeds(data, deepest):
        raise invalid(f"The request body is nested too deeply: the limit is {deepest} levels.", code="too_deep")
    return data


def _depth_exceeds(data: object, deepest: int) -> bool:
    level: list[Any] = [data]
    for _ in range(deepest):
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


async def send_bytes(send: Send, status: int, headers: Iterable[Header], body: bytes) -> None:
    sent = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, data: object, headers: Iterable[Header] = ()) -> None:
    await send_bytes(send, status, (JSON, *headers), orjson.dumps(data))


async def send_error(send: Send, error: ApiError, headers: Iterable[Header] = (), body: bytes | None = None) -> None:
    """Send an error; `body` is its JSON where a protocol words it in a way of its own."""
    own = [(name.encode(), header_text(value)) for name, value in error.headers.items()]
    if error.status in (408, 413):
        # The rest of the body will not be read.
        own.append((b"connection", b"close"))
    await send_bytes(send, error.status, (JSON, *own, *headers), error.body if body is None else body)


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"The request body is larger than the limit of {limit} bytes.", code="request_too_large")
