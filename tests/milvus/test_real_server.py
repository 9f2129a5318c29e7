"""The store on a real Milvus server: answers, likeness, expiry, credentials, databases."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.conftest import ROOT_TOKEN, milvus_config
from tests.milvus.entries import PARTITION, entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-server")


def _store(config: MilvusConfig) -> MilvusStore:
    return MilvusStore(config, WordEmbedder.identity)


@pytest.fixture
async def store(milvus_server: MilvusServer) -> AsyncIterator[MilvusStore]:
    opened = _store(milvus_config(milvus_server))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def client(milvus_server: MilvusServer) -> MilvusClient:
    return MilvusClient(uri=f"http://127.0.0.1:{milvus_server.port}", token=ROOT_TOKEN, dedicated=True, timeout=20)


async def test_an_answer_of_a_megabyte_comes_back_whole(store: MilvusStore) -> None:
    answer = b'{"text": "' + "é".encode() * 500_000 + b'"}'
    await store.put([entry(1, 'a "quoted" \\ question', answer)])
    for found in (await store.get("00000001"), await store.get_exact("e0000001", time.time())):
        assert found is not None
        assert found.response == answer
        assert found.header.query == 'a "quoted" \\ question'


async def test_a_like_question_is_found_in_its_partition_only(store: MilvusStore) -> None:
    stored = entry(3, "how tall is a giraffe")
    await store.put([stored])
    await store.put([stored])
    vector = WordEmbedder.vector("how tall is a giraffe")
    found = await store.search(PARTITION, vector, 1, time.time())
    assert [candidate.header.entry_id for candidate in found] == ["00000003"]
    assert found[0].similarity > 0.999
    assert await store.search("ce", vector, 1, time.time()) == []
    assert [header.entry_id for header in await store.find(Selection("s", "m"), 100)].count("00000003") == 1


async def test_an_expired_entry_is_not_found(store: MilvusStore) -> None:
    await store.put([entry(2, "what is a plum")])
    await store.expire(["00000002"])
    assert await store.get_exact("e0000002", time.time()) is None
    assert "00000002" not in {header.entry_id for header in await store.find(Selection("s", "m"), 100)}


async def test_a_wrong_password_is_said_in_a_sentence(milvus_server: MilvusServer) -> None:
    auth = {"enabled": True, "username": "root", "password": "not the password"}
    stranger = _store(milvus_config(milvus_server, connection={"auth": auth}))
    with pytest.raises(StoreUnavailable, match="check the user name and password") as error:
        await stranger.open()
    assert "not the password" not in str(error.value)
    await stranger.close()


async def test_a_second_user_with_a_role_works_and_one_without_is_told(
    milvus_server: MilvusServer, client: MilvusClient
) -> None:
    client.create_user("router", "r0uter-Secret")
    auth = {"enabled": True, "username": "router", "password": "r0uter-Secret"}
    config = milvus_config(milvus_server, connection={"auth": auth}, collection={"name": "of_the_router"})
    powerless = _store(config)
    with pytest.raises(StoreUnavailable, match="check the user name and password"):
        await powerless.open()
    client.grant_role("router", "admin")
    # The server keeps rights in memory for a moment.
    async with asyncio.timeout(20):
        while True:
            try:
                await powerless.open()
                break
            except StoreUnavailable:
                await asyncio.sleep(0.2)
    await powerless.put([entry(1)])
    assert await powerless.get("00000001") is not None
    await powerless.close()


async def test_databases_are_apart_and_a_missing_one_is_named(
    milvus_server: MilvusServer, client: MilvusClient, store: MilvusStore
) -> None:
    client.create_database("team_a")
    of_team = _store(milvus_config(milvus_server, connection={"database": "team_a"}))
    await of_team.open()
    await of_team.put([entry(77, "only in team a")])
    assert await of_team.get("0000004d") is not None
    assert await store.get("0000004d") is None
    await of_team.close()
    nowhere = _store(milvus_config(milvus_server, connection={"database": "team_b"}))
    with pytest.raises(StoreUnavailable, match="database not found"):
        await nowhere.open()
    await nowhere.close()


async def test_a_collection_that_is_dropped_or_released_meanwhile_is_made_ready_again(
    milvus_server: MilvusServer, client: MilvusClient
) -> None:
    store = _store(milvus_config(milvus_server, collection={"name": "fragile"}))
    await store.open()
    await store.put([entry(1)])
    client.release_collection("fragile")
    assert await _again(store) is not None
    client.drop_alias("fragile")
    client.drop_collection("fragile_v1")
    assert await _again(store) is None
    await store.put([entry(1)])
    assert await store.get("00000001") is not None
    await store.close()


async def test_a_collection_that_was_loaded_before_it_had_all_its_indexes_opens(
    milvus_server: MilvusServer, client: MilvusClient
) -> None:
    config = milvus_config(milvus_server, collection={"name": "hasty"})
    first = _store(config)
    await first.open()
    await first.close()
    client.release_collection("hasty")
    client.drop_index("hasty", "exact_key")
    client.load_collection("hasty")
    index = client.prepare_index_params()
    index.add_index("exact_key", index_type="Trie")
    client.create_index("hasty", index)
    with pytest.raises(MilvusException, match="can't change the index for loaded collection"):
        client.load_collection("hasty")

    store = _store(config)
    await store.open()
    await store.put([entry(1)])
    assert await store.get("00000001") is not None
    await store.close()


async def _again(store: MilvusStore) -> object:
    """Look an entry up as often as it takes."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await store.get("00000001")
            except StoreUnavailable:
                await asyncio.sleep(0.1)
