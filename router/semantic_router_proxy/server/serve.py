"""A whole router process: sockets, start, readiness, drain."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
import uvicorn
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from semantic_router_proxy.cache.factory import open_cache
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.config.load import LoadedConfig
from semantic_router_proxy.embedding.factory import make_embedder
from semantic_router_proxy.server.admin import make_admin_app, make_metrics_app
from semantic_router_proxy.server.app import make_app
from semantic_router_proxy.server.engine import make_engine, needs_embedder
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.http import ASGIApp
from semantic_router_proxy.server.http_server import uvicorn_config
from semantic_router_proxy.server.observe import Observer
from semantic_router_proxy.server.reload import Reloader, states
from semantic_router_proxy.upstream.checks import HealthChecks
from semantic_router_proxy.upstream.client import UpstreamClient

_log = structlog.get_logger("semantic_router.serve")


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the command line says; None: as configured."""

    host: str | None = None
    port: int | None = None
    admin_port: int | None = None
    metrics_port: int | None = None


class ListenError(Exception):
    """An address cannot be listened on; the message names it."""


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: three of them share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def send_clients_away(self) -> None:
        """Close each connection after its next answer, so that none is in use when the rest are closed."""
        close = (b"connection", b"close")
        # uvicorn takes the first list over into the second every second.
        self.config.encoded_headers.append(close)
        self.server_state.default_headers.append(close)


async def serve(loaded: LoadedConfig, addresses: Addresses) -> None:
    """Run the router until SIGTERM or SIGINT, then let running answers finish.

    Raises ListenError, ConfigError, EmbeddingError and the store's mismatch error at the start.
    """
    _raise_file_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = loaded.router
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    health = Health()
    host = addresses.host or config.server.host
    listeners = [_listen("API", host, _first(addresses.port, config.server.port))]
    apps: list[ASGIApp] = [make_app(health)]
    if config.admin.enabled:
        admin_port = _first(addresses.admin_port, config.admin.port)
        listeners.append(_listen("admin", addresses.host or config.admin.host or host, admin_port))
        apps.append(make_admin_app(health, config.admin, loaded.file.parent))
    if config.metrics.enabled:
        metrics_port = _first(addresses.metrics_port, config.metrics.port)
        listeners.append(_listen("metrics", addresses.host or config.metrics.host or host, metrics_port))
        apps.append(make_metrics_app(registry))
    servers = [_Server(uvicorn_config(app, config.server)) for app in apps]
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, listener in zip(servers, listeners, strict=True)
    ]
    names = ("api", "admin", "metrics")
    _log.info("listening", **{name: _address(each) for name, each in zip(names, listeners, strict=False)})
    begin = time.monotonic()
    files = states(loaded)
    starting = asyncio.create_task(start_gateway(loaded, registry))
    stopping = asyncio.create_task(stop.wait())
    beside: list[asyncio.Task[None]] = []
    try:
        await asyncio.wait({starting, stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            health.gateway = starting.result()
            # What is alive now stays alive; the collector need not look at it again and again.
            gc.freeze()
            _log.info("ready", seconds=round(time.monotonic() - begin, 2), epoch=health.gateway.engine.config_epoch)
            gateway = health.gateway
            checks = HealthChecks(gateway.client, lambda: gateway.engine.providers.values())
            runners = (Reloader(loaded, health, files), checks, gateway.observer.tracer)
            beside += [asyncio.create_task(each.run()) for each in runners]
            await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        health.draining = True
        _log.info("draining", seconds=config.server.drain_seconds, delay=config.server.drain_delay_seconds)
        if health.gateway is not None:
            servers[0].send_clients_away()
            # In a cluster requests keep coming until every node has heard that this pod is not ready any more.
            await asyncio.sleep(config.server.drain_delay_seconds)
    finally:
        health.draining = True
        starting.cancel()
        stopping.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks, starting, stopping, return_exceptions=True)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        for listener in listeners:
            listener.close()
        if health.gateway is not None:
            await health.gateway.close()
        _log.info("stopped")


async def start_gateway(loaded: LoadedConfig, registry: CollectorRegistry) -> Gateway:
    """Load the model, open the cache and compile the configuration."""
    config = loaded.router
    client = UpstreamClient()
    embedder = await make_embedder(config.embedding) if needs_embedder(config) else None
    engine = await make_engine(loaded, os.environ, client, embedder)
    cache = None
    if config.semantic_cache.enabled and embedder is not None:
        backend = await open_cache(loaded, embedder, registry)
        identity = str(embedder.identity)
        cache = SemanticCache(backend, config.semantic_cache, identity, engine.policy_epoch, time.time, registry)
    observer = Observer(registry, log_requests=config.log.requests, tracing=config.tracing)
    return Gateway(engine, client, observer, cache, embedder)


def _raise_file_limit() -> None:
    """Take as many open files as are allowed: each stream holds two sockets, and the usual soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _listen(what: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # From here on nobody is refused: who comes before the servers run waits for them.
        listener.listen(4096)
    except OSError as error:
        listener.close()
        raise ListenError(f"the {what} port {host}:{port} cannot be opened: {error.strerror or error}") from None
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _first(given: int | None, configured: int) -> int:
    return configured if given is None else given
