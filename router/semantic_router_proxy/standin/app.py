"""The stand-in's HTTP side."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from semantic_router_proxy.standin import bodies
from semantic_router_proxy.standin.answers import count_tokens, mode_of, vector

_DIMENSION = 384


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an answer takes: seconds to the first token, then tokens in a second (0: at once)."""

    first_token_seconds: float = 0.0
    tokens_per_second: float = 0.0

    def rest(self, tokens: int) -> float:
        return tokens / self.tokens_per_second if self.tokens_per_second else 0.0


@dataclass(slots=True)
class Record:
    """What reached the stand-in; tests read it at /standin."""

    requests: int = 0
    running: int = 0
    cancelled: int = 0
    paths: dict[str, int] = field(default_factory=dict)
    last_body: Any = None
    last_headers: dict[str, str] = field(default_factory=dict)


class StandIn:
    """One server with a pace and a record of its calls."""

    def __init__(self, pace: Pace, models: tuple[str, ...]) -> None:
        self.pace = pace
        self.models = models
        self.record = Record()

    def app(self) -> Starlette:
        post = ["POST"]
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=post),
                Route("/v1/completions", self._completions, methods=post),
                Route("/v1/responses", self._responses, methods=post),
                Route("/v1/messages", self._messages, methods=post),
                Route("/v1/messages/count_tokens", self._count, methods=post),
                Route("/v1/embeddings", self._embeddings, methods=post),
                Route("/v1/models", self._models),
                Route("/healthz", self._health),
                Route("/standin", self._seen),
            ]
        )

    async def _health(self, _: Request) -> Response:
        return _json({"status": "ok"})

    async def _seen(self, _: Request) -> Response:
        seen = self.record
        return _json({name: getattr(seen, name) for name in Record.__slots__})

    async def _models(self, _: Request) -> Response:
        listed = [
            {"id": model, "object": "model", "created": bodies.CREATED, "owned_by": "standin"} for model in self.models
        ]
        return _json({"object": "list", "data": listed})

    async def _chat(self, request: Request) -> Response:
        body = await self._receive(request)
        options = body.get("stream_options") or {}
        mode = mode_of(str(body.get("model", "")), request.headers.get("x-standin-mode", ""))
        finish = "length" if mode == "length" else "stop"
        completion = bodies.chat_completion(body, self.record.requests, finish)
        text = completion["choices"][0]["message"]["content"] or ""
        chunks = bodies.chat_chunks(completion, include_usage=bool(options.get("include_usage")))
        return await self._answer(request, body, mode, completion, count_tokens(text), lambda: _data(chunks))

    async def _completions(self, request: Request) -> Response:
        body = await self._receive(request)
        options = body.get("stream_options") or {}
        mode = mode_of(str(body.get("model", "")), request.headers.get("x-standin-mode", ""))
        completion = bodies.text_completion(body, self.record.requests)
        chunks = bodies.text_chunks(completion, include_usage=bool(options.get("include_usage")))
        tokens = count_tokens(completion["choices"][0]["text"])
        return await self._answer(request, body, mode, completion, tokens, lambda: _data(chunks))

    async def _responses(self, request: Request) -> Response:
        body = await self._receive(request)
        mode = mode_of(str(body.get("model", "")), request.headers.get("x-standin-mode", ""))
        response = bodies.response_object(body, self.record.requests)
        return await self._answer(
            request, body, mode, response, 30, lambda: _named_events(bodies.response_events(response))
        )

    async def _messages(self, request: Request) -> Response:
        body = await self._receive(request)
        mode = mode_of(str(body.get("model", "")), request.headers.get("x-standin-mode", ""))
        message = bodies.anthropic_message(body, self.record.requests)
        return await self._answer(
            request, body, mode, message, 30, lambda: _named_events(bodies.anthropic_events(message))
        )

    async def _count(self, request: Request) -> Response:
        body = await self._receive(request)
        return _json({"input_tokens": bodies.usage(body, "")["prompt_tokens"]})

    async def _embeddings(self, request: Request) -> Response:
        body = await self._receive(request)
        texts = body.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        data = [
            {"object": "embedding", "index": number, "embedding": vector(str(text), _DIMENSION)}
            for number, text in enumerate(texts or [])
        ]
        tokens = sum(count_tokens(str(text)) for text in texts or [])
        return _json(
            {
                "object": "list",
                "data": data,
                "model": body.get("model"),
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )

    async def _receive(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(await request.body())
        seen = self.record
        seen.requests += 1
        seen.paths[request.url.path] = seen.paths.get(request.url.path, 0) + 1
        seen.last_body = body
        seen.last_headers = dict(request.headers)
        return body

    async def _answer(
        self,
        request: Request,
        body: dict[str, Any],
        mode: str,
        whole: dict[str, Any],
        tokens: int,
        events: Callable[[], list[bytes]],
    ) -> Response:
        with self._running():
            if mode.startswith("status-"):
                return _failure(int(mode.removeprefix("status-")), request.url.path)
            if mode == "hang":
                await _until_gone(request)
                self.record.cancelled += 1
                return Response(status_code=499)
            if mode == "garbage":
                return Response(b"<html>not JSON</html>", media_type="text/html")
            if not body.get("stream"):
                await self._wait(request, self.pace.first_token_seconds + self.pace.rest(tokens))
                return _json(whole)
        return StreamingResponse(self._stream(events(), mode), media_type="text/event-stream")

    async def _wait(self, request: Request, seconds: float) -> None:
        """Let the time pass, or end early and count it when the caller leaves."""
        if seconds <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _until_gone(request)
                self.record.cancelled += 1

    async def _stream(self, events: list[bytes], mode: str) -> AsyncIterator[bytes]:
        finished = False
        try:
            with self._running():
                await asyncio.sleep(self.pace.first_token_seconds)
                gap = self.pace.rest(1)
                for number, event in enumerate(events):
                    if mode == "cut" and number > len(events) // 2:
                        raise ConnectionAbortedError("the stand-in cuts this stream, as its model's name asks")
                    yield event
                    if mode == "hold":
                        await asyncio.Event().wait()
                    await asyncio.sleep(gap)
                finished = True
        finally:
            if not finished and mode != "cut":
                self.record.cancelled += 1

    @contextlib.contextmanager
    def _running(self) -> Any:
        self.record.running += 1
        try:
            yield
        finally:
            self.record.running -= 1


def _json(data: Any) -> Response:
    return Response(orjson.dumps(data), media_type="application/json", headers={"x-request-id": "req_standin"})


def _failure(status: int, path: str) -> Response:
    kind = "rate_limit_error" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": f"The stand-in was asked to answer {status}.", "type": kind, "param": None, "code": None}
    headers = {"retry-after": "7"} if status in (429, 503) else {}
    told: dict[str, Any] = {"error": error}
    if path == "/v1/messages":
        told = {"type": "error", "error": {"type": kind, "message": error["message"]}}
    return Response(orjson.dumps(told), status, headers, "application/json")


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _data(chunks: list[dict[str, Any]]) -> list[bytes]:
    return [*(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]


def _named_events(events: list[dict[str, Any]]) -> list[bytes]:
    return [b"event: " + event["type"].encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n" for event in events]
