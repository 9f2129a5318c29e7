"""A real Milvus that is killed in the middle of writes and started again: what it acknowledged is there, and a running
router works with it again by itself."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-restart")


@pytest.fixture
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
    async with asyncio.timeout(120):
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
