"""A real Milvus that is killed in the middle of writes and started again: what it acknowledged is there, and a running
router works with it again by itself."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson
import pytest
import yaml
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.conftest import FaultyLink, StartRouter
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-restart")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    # A restarted server waits for the sessions of the killed one to end; 30 s where nobody set it.
    running = MilvusServer(tmp_path_factory.mktemp("milvus"), "--extra-config", "common.session.ttl=5")
    running.start()
    yield running
    running.kill()


async def _write_until_it_dies(store: MilvusStore, acknowledged: list[int]) -> None:
    number = 0
    while True:
        try:
            await store.put([entry(number)])
        except StoreUnavailable:
            return
        acknowledged.append(number)
        number += 1


async def test_what_was_acknowledged_is_there_after_kill_9(server: MilvusServer) -> None:
    config = {
        "connection": {"host": "127.0.0.1", "port": server.port, "timeout": 10},
        "search": {"consistency_level": "Strong"},
    }
    store = MilvusStore(MilvusConfig.model_validate(config), WordEmbedder.identity)
    await store.open()
    acknowledged: list[int] = []
    writing = asyncio.create_task(_write_until_it_dies(store, acknowledged))
    while len(acknowledged) < 200:
        await asyncio.sleep(0.01)
    server.kill()
    await writing
    with pytest.raises(StoreUnavailable, match=r"Milvus at 127\.0\.0\.1"):
        await store.get_exact("e0000001", time.time())
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(240):
        while True:
            try:
                found = await store.get_exact("e0000001", time.time())
                break
            except StoreUnavailable:
                await asyncio.sleep(0.2)
    assert found is not None
    page = await store.scan(-1, 100_000)
    assert page.complete
    assert {f"{number:08x}" for number in acknowledged} <= {row.header.entry_id for row in page.entries}
    similar = await store.search("cd", WordEmbedder.vector("question number 7"), 1, time.time())
    assert similar[0].header.entry_id == "00000007"
    await store.close()


class Clients:
    """Three clients of a running router that never stop asking: every other question is one that was asked before."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._url = f"{address}/v1/chat/completions"
        self.statuses: list[int] = []
        self._tasks = [asyncio.create_task(self._ask_on(number)) for number in range(3)]

    async def ask(self, question: str) -> int:
        body = {"model": "auto", "max_tokens": 2, "messages": [{"role": "user", "content": question}]}
        async with self._session.post(self._url, json=body) as answer:
            await answer.read()
            return answer.status

    async def _ask_on(self, client: int) -> None:
        number = 0
        while True:
            subject = "the atlas" if number % 2 else f"volume {number} of encyclopedia {client}"
            self.statuses.append(await self.ask(f"Who wrote {subject}?"))
            number += 1

    async def more(self, count: int) -> None:
        """Wait for so many more answers."""
        until = len(self.statuses) + count
        while len(self.statuses) < until:
            for task in self._tasks:
                assert not task.done(), task.exception()
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _until_asked(session: aiohttp.ClientSession, admin: str, asked: bool) -> None:
    """Wait until the router asks its store, or leaves it alone."""
    async with asyncio.timeout(240):
        while True:
            async with session.get(f"{admin}/readyz") as answer:
                if (not (await answer.json())["store_problem"]) == asked:
                    return
            await asyncio.sleep(0.2)


def _in_milvus(port: int, question: str) -> bool:
    client = MilvusClient(uri=f"http://127.0.0.1:{port}", dedicated=True, timeout=5)
    try:
        condition = f'query == "{question}"'
        return bool(client.query("of_a_router", filter=condition, output_fields=["id"], limit=1, timeout=5))
    except MilvusException:
        return False
    finally:
        client.close()


async def test_no_client_of_a_router_sees_milvus_stall_die_and_return(
    server: MilvusServer, standin: str, tmp_path: Path, start_router: StartRouter
) -> None:
    link = FaultyLink(server.port)
    milvus = {
        "connection": {"host": "127.0.0.1", "port": await link.start(), "timeout": 5},
        "collection": {"name": "of_a_router"},
        "search": {"timeout": 1},
    }
    (tmp_path / "milvus.yaml").write_text(yaml.safe_dump(milvus))
    config = {
        "server": {"port": 0}, "admin": {"port": 0}, "metrics": {"port": 0},
        "providers": [{"name": "p", "base_url": f"{standin}/v1"}],
        "models": [{"name": "m", "provider": "p"}],
        "semantic_cache": {"backend_type": "hybrid", "backend_config_path": "milvus.yaml"},
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    router = await start_router(tmp_path / "config.yaml")
    assert router.stderr is not None
    address = admin = ""
    while b'"ready"' not in (line := await router.stderr.readline()):
        told = orjson.loads(line)
        address, admin = told.get("api", address), told.get("admin", admin)
    log = asyncio.create_task(router.stderr.read())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        await _until_asked(session, admin, True)
        clients = Clients(session, address)
        await clients.more(20)
        link.stall()
        await clients.more(20)
        link.heal()
        await clients.more(20)
        server.kill()
        await _until_asked(session, admin, False)
        await clients.more(20)
        assert await clients.ask("Who wrote while Milvus was away?") == 200
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(240):
            # What was answered meanwhile is written by itself when Milvus is back.
            while not await asyncio.to_thread(_in_milvus, server.port, "Who wrote while Milvus was away?"):
                await asyncio.sleep(0.3)
        await _until_asked(session, admin, True)
        await clients.more(20)
        await clients.stop()
    router.terminate()
    text = (await log).decode()
    assert await router.wait() == 0
    await link.close()
    assert set(clients.statuses) == {200}
    assert "Traceback" not in text
