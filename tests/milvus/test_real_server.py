"""The store on a real Milvus server."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-server")

NEVER = 4_000_000_000.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    running = MilvusServer(tmp_path_factory.mktemp("milvus"), "--authorization-enabled", "true")
    running.start(token="root:Milvus")
    yield running
    running.kill()


def _store(server: MilvusServer, password: str) -> MilvusStore:
    connection: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "timeout": 20}
    connection["auth"] = {"enabled": True, "username": "root", "password": password}
    config = {"connection": connection, "search": {"consistency_level": "Strong"}}
    return MilvusStore(MilvusConfig.model_validate(config), WordEmbedder.identity)


@pytest.fixture
async def store(server: MilvusServer) -> AsyncIterator[MilvusStore]:
    opened = _store(server, "Milvus")
    await opened.open()
    yield opened
    await opened.close()


def _entry(number: int, query: str, answer: bytes = b'{"a": 1}') -> CacheEntry:
    header = EntryHeader(f"{number:02x}", "cd", f"e{number:02x}", "s", "m", query, True, time.time(), NEVER, "d")
    return CacheEntry(header, b"{}", answer, WordEmbedder.vector(query))


async def test_an_answer_of_a_megabyte_comes_back_whole(store: MilvusStore) -> None:
    answer = b'{"text": "' + "é".encode() * 500_000 + b'"}'
    await store.put([_entry(1, 'a "quoted" \\ question', answer)])
    for found in (await store.get("01"), await store.get_exact("e01", time.time())):
        assert found is not None
        assert found.response == answer
        assert found.header.query == 'a "quoted" \\ question'


async def test_a_like_question_is_found_in_its_partition_only(store: MilvusStore) -> None:
    entry = _entry(3, "how tall is a giraffe")
    await store.put([entry])
    await store.put([entry])
    vector = WordEmbedder.vector("how tall is a giraffe")
    found = await store.search("cd", vector, 1, time.time())
    assert [candidate.header.entry_id for candidate in found] == ["03"]
    assert found[0].similarity > 0.999
    assert await store.search("ce", vector, 1, time.time()) == []
    assert [header.entry_id for header in await store.find("s", "m", 100)].count("03") == 1


async def test_an_expired_entry_is_not_found(store: MilvusStore) -> None:
    await store.put([_entry(2, "what is a plum")])
    await store.expire(["02"])
    assert await store.get_exact("e02", time.time()) is None
    assert "02" not in {header.entry_id for header in await store.find("s", "m", 100)}


async def test_a_wrong_password_is_said_in_a_sentence(server: MilvusServer) -> None:
    stranger = _store(server, "not the password")
    with pytest.raises(StoreUnavailable, match="check the user name and password") as error:
        await stranger.open()
    assert "not the password" not in str(error.value)
    await stranger.close()
