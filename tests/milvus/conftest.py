"""Real Milvus for the tests: Milvus Lite in a file, Milvus Lite as a server, and a proxy that cuts and stalls it."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

ROOT_TOKEN = "root:Milvus"
# The first test of a server waits for its start, which takes minutes on a machine with much else to do.
_TEST_SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(_TEST_SECONDS))


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def lite(tmp_path: Path) -> dict[str, Any]:
    """The connection of an embedded Milvus."""
    return {"uri": str(tmp_path / "data" / "cache.db")}


@pytest.fixture(scope="module")
def lite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Milvus Lite that serves several clients."""
    folder = tmp_path_factory.mktemp("milvus-lite")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("milvus-lite")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "server", "--data-dir", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
        )
    try:
        _await_port(port, process, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A real Milvus with authorization, one for each process of xdist. Tests that share it are in the xdist groups
    milvus-server and milvus-collections, and use databases or collections of their own."""
    running = MilvusServer(tmp_path_factory.mktemp("milvus"), "--authorization-enabled", "true")
    running.start(token=ROOT_TOKEN)
    yield running
    running.kill()


def milvus_config(server: MilvusServer, **sections: Any) -> MilvusConfig:
    """Return a client's configuration for the shared server: as root, in the default database, strongly consistent."""
    connection = {
        "host": "127.0.0.1",
        "port": server.port,
        "timeout": 20,
        "auth": {"enabled": True, "token": ROOT_TOKEN},
        **sections.pop("connection", {}),
    }
    search = {"consistency_level": "Strong", "timeout": 20, **sections.pop("search", {})}
    return MilvusConfig.model_validate({"connection": connection, "search": search, **sections})


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    from pymilvus import MilvusClient

    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(log.read_text(errors="replace"))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            # The port is open before the server answers; connecting a client waits for that.
            MilvusClient(uri=f"http://127.0.0.1:{port}", dedicated=True, timeout=20).close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise RuntimeError("milvus-lite server did not start")


@pytest.fixture
async def standin() -> AsyncIterator[str]:
    """The address of a model server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "semantic_router_proxy.standin", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            try:
                async with session.get(f"{address}/healthz"):
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
    yield address
    process.terminate()
    await process.wait()


StartRouter = Callable[[Path], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start_router() -> AsyncIterator[StartRouter]:
    """Return a function that starts a router with a configuration; those that still run at the end are killed."""
    routers: list[asyncio.subprocess.Process] = []

    async def start(config: Path) -> asyncio.subprocess.Process:
        routers.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "semantic_router_proxy.cli", "serve", "--config", str(config),
                stderr=asyncio.subprocess.PIPE,
            )
        )  # fmt: skip
        return routers[-1]

    yield start
    for router in routers:
        if router.returncode is None:
            router.kill()
            await router.wait()


class Backends:
    """Makes engines on a store and closes them all at the end."""

    def __init__(self, embedder: WordEmbedder) -> None:
        self._embedder = embedder
        self._open: list[HybridBackend] = []

    async def open(
        self, connection: dict[str, Any], backend: str = "hybrid", milvus: dict[str, Any] | None = None, **settings: Any
    ) -> HybridBackend:
        config = SemanticCacheConfig(
            **{"backend_type": backend, "backend_config_path": "x", "similarity_threshold": 0.8, **settings}
        )
        store = MilvusStore(
            MilvusConfig.model_validate({"connection": connection, **(milvus or {})}), self._embedder.identity
        )
        await store.open()
        engine = HybridBackend(backend, config, self._embedder, store, CacheMetrics(backend, CollectorRegistry()))
        engine.start()
        self._open.append(engine)
        await engine.synchronised()
        return engine

    async def close(self, engine: HybridBackend) -> None:
        self._open.remove(engine)
        await engine.close()

    async def close_all(self) -> None:
        for engine in list(self._open):
            await self.close(engine)


@pytest.fixture
async def backends(embedder: WordEmbedder) -> AsyncIterator[Backends]:
    made = Backends(embedder)
    yield made
    await made.close_all()


class FaultyLink:
    """A TCP proxy in front of a real server: it passes everything, nothing (`stall`), or refuses (`cut`)."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._passes = asyncio.Event()
        self._passes.set()
        self._cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def stall(self) -> None:
        self._passes.clear()

    def cut(self) -> None:
        self._cut = True
        for writer in self._writers:
            writer.close()

    def heal(self) -> None:
        self._cut = False
        self._passes.set()

    async def close(self) -> None:
        self.heal()
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, back}
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.ensure_future(self._pass_on(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, OSError):
            while data := await source.read(65536):
                await self._passes.wait()
                target.write(data)
                await target.drain()
        with contextlib.suppress(ConnectionError, OSError):
            target.close()


@pytest.fixture
async def faulty_link(lite_server: int) -> AsyncIterator[tuple[FaultyLink, int]]:
    """A link to the Milvus Lite server, and its port."""
    link = FaultyLink(lite_server)
    port = await link.start()
    yield link, port
    await link.close()
