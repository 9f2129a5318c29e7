"""A gateway in this process, and a stand-in model server behind it; both over real HTTP on free ports."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import uvicorn
import yaml
from prometheus_client import CollectorRegistry

from semantic_router_proxy.cache.factory import open_cache
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.server import ServerConfig
from semantic_router_proxy.embedding.base import Embedder, EmbedderIdentity, Vectors, unit_rows
from semantic_router_proxy.server.app import make_app
from semantic_router_proxy.server.engine import make_engine
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.http_server import uvicorn_config
from semantic_router_proxy.server.observe import Observer
from semantic_router_proxy.standin.app import Pace, StandIn
from semantic_router_proxy.upstream.client import UpstreamClient


class WordEmbedder:
    """A bag of words as a vector: quick, deterministic, and alike for texts with the same words."""

    identity = EmbedderIdentity("words", "1", 256)

    def __init__(self) -> None:
        self.calls = 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        rows = np.zeros((len(texts), 256), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().replace("?", "").split():
                row[sum(word.encode()) * 31 % 256] += 1.0
        return unit_rows(rows)

    async def close(self) -> None: ...


@dataclass
class Running:
    """A running gateway and its model server, as a test sees them."""

    url: str
    gateway: Gateway
    standin: StandIn
    session: aiohttp.ClientSession
    health: Health

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(self.url + path, json=body, headers=sent) as response:
            raw = await response.read()
            names = {name.lower(): value for name, value in response.headers.items()}
            if response.content_type == "application/json":
                return response.status, names, await response.json()
            return response.status, names, raw

    async def ask(self, question: str, **fields: Any) -> tuple[int, dict[str, str], Any]:
        body = {"model": "auto", "messages": [{"role": "user", "content": question}], **fields}
        return await self.post("/v1/chat/completions", body)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Return a function that starts a gateway with the given settings over the test's basic ones."""
    async with contextlib.AsyncExitStack() as stack:

        async def started(*, pace: Pace | None = None, embedder: Embedder | None = None, **settings: Any) -> Running:
            standin = StandIn(pace or Pace(), ("small", "large"))
            upstream = await stack.enter_async_context(listening(standin.app()))
            config: dict[str, Any] = {
                "providers": [{"name": "local", "base_url": f"{upstream}/v1"}],
                "models": [{"name": "small", "provider": "local"}, {"name": "large", "provider": "local"}],
                "default_model": "small",
                "semantic_cache": {"backend_type": "memory"},
            }
            for key, value in settings.items():
                config[key] = value(upstream) if callable(value) else value
            config = {key: value for key, value in config.items() if value is not None}
            file = tmp_path / "config.yaml"
            file.write_text(yaml.safe_dump(config))
            loaded = load_config(file, {})
            client, registry = UpstreamClient(), CollectorRegistry()
            embedder = WordEmbedder() if embedder is None else embedder
            engine = await make_engine(loaded, {}, client, embedder)
            cache = None
            if loaded.router.semantic_cache.enabled:
                backend = await open_cache(loaded, embedder, registry)
                identity = str(embedder.identity)
                settings_ = loaded.router.semantic_cache
                cache = SemanticCache(backend, settings_, identity, engine.policy_epoch, time.time, registry)
            gateway = Gateway(
                engine, client, Observer(registry, log_requests=False, tracing=loaded.router.tracing), cache, embedder
            )
            stack.push_async_callback(gateway.close)
            health = Health()
            health.gateway = gateway
            url = await stack.enter_async_context(listening(make_app(health), loaded.router.server))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Running(url, gateway, standin, session, health)

        yield started


@contextlib.asynccontextmanager
async def listening(app: Any, limits: ServerConfig | None = None) -> AsyncIterator[str]:
    # With the protocol named, asyncio turns Nagle's algorithm off for the connections.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    config = uvicorn_config(app, (limits or ServerConfig()).model_copy(update={"drain_seconds": 1}))
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield
