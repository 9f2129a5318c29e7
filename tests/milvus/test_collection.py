"""What is behind the configured name at the start: nothing, ours, another model's, or something made by hand."""

import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymilvus import DataType, MilvusClient
from structlog.testing import capture_logs

from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreMismatch, StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity
from tests.milvus.conftest import ROOT_TOKEN, milvus_config
from tests.milvus.entries import PARTITION, entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-collections")


class Place:
    """A Milvus, Lite or a server, as a test uses it: with the store, and beside it."""

    def __init__(self, config: MilvusConfig, client: dict[str, Any]) -> None:
        self._config = config
        self._client = client
        self._open: list[MilvusStore] = []

    async def open(self, identity: EmbedderIdentity = WordEmbedder.identity, **sections: Any) -> MilvusStore:
        """Open a store; sections are merged into the configuration."""
        data = self._config.model_dump()
        for name, section in sections.items():
            data[name] = {**data[name], **section}
        store = MilvusStore(MilvusConfig.model_validate(data), identity)
        self._open.append(store)
        await store.open()
        return store

    async def close(self) -> None:
        """Close all stores, as a router does that stops."""
        while self._open:
            await self._open.pop().close()

    def beside(self) -> MilvusClient:
        """Return a client of one's own; Milvus Lite allows it while no store is open."""
        return MilvusClient(**self._client)

    def collections(self) -> set[str]:
        client = self.beside()
        try:
            return set(client.list_collections())
        finally:
            client.close()


@pytest.fixture(params=["lite", "server"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "lite":
        uri = str(tmp_path / "cache.db")
        made = Place(MilvusConfig.model_validate({"connection": {"uri": uri}}), {"uri": uri})
        yield made
        await made.close()
        return
    server: MilvusServer = request.getfixturevalue("milvus_server")
    database = f"db_{zlib.crc32(request.node.name.encode())}"
    arguments = {"uri": f"http://127.0.0.1:{server.port}", "token": ROOT_TOKEN, "dedicated": True, "timeout": 20}
    root = MilvusClient(**arguments)
    root.create_database(database)
    made = Place(milvus_config(server, connection={"database": database}), arguments | {"db_name": database})
    yield made
    await made.close()
    root.close()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


async def test_the_name_is_an_alias_from_the_first_creation(place: Place) -> None:
    store = await place.open()
    await store.put([entry(1)])
    await place.close()
    assert place.collections() == {"semantic_cache_v1"}
    assert await (await place.open()).get("00000001") is not None


async def test_a_collection_of_ours_that_bears_the_name_is_put_behind_it(place: Place) -> None:
    await (await place.open()).put([entry(1)])
    await place.close()
    client = place.beside()
    client.drop_alias("semantic_cache")
    client.rename_collection("semantic_cache_v1", "semantic_cache")
    client.close()
    store = await place.open()
    assert await store.get("00000001") is not None
    await place.close()
    assert place.collections() == {"semantic_cache_v1"}


async def test_a_collection_that_lost_its_alias_gets_it_again(place: Place) -> None:
    await (await place.open()).put([entry(1)])
    await place.close()
    client = place.beside()
    client.drop_alias("semantic_cache")
    client.close()
    assert await (await place.open()).get("00000001") is not None


async def test_the_guides_collection_made_by_hand_is_set_aside_whole(place: Place, logs: list[Any]) -> None:
    client = place.beside()
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=384)
    schema.add_field("response", DataType.VARCHAR, max_length=65_535)
    client.create_collection("semantic_cache", schema=schema)
    client.insert("semantic_cache", [{"id": "a", "embedding": [0.5] * 384, "response": "kept"}])
    client.close()
    store = await place.open()
    await store.put([entry(1)])
    assert await store.get("00000001") is not None
    await place.close()
    assert place.collections() == {"semantic_cache_by_hand", "semantic_cache_v1"}
    told = [log for log in logs if log["event"] == "cache_collection_set_aside"]
    assert [log["renamed_to"] for log in told] == ["semantic_cache_by_hand"]


async def test_anothers_collection_is_refused_with_the_command_to_run(place: Place) -> None:
    client = place.beside()
    client.create_collection("semantic_cache", dimension=8)
    client.close()
    with pytest.raises(StoreMismatch) as error:
        await place.open()
    assert "was not made by this router (it has no field created_at" in str(error.value)
    assert 'rename_collection("semantic_cache", "semantic_cache_old")' in str(error.value)


@pytest.mark.parametrize("identity", [EmbedderIdentity("other", "1", 32), EmbedderIdentity("words", "1", 64)])
async def test_another_models_collection_is_refused_and_names_the_way_out(
    place: Place, identity: EmbedderIdentity
) -> None:
    await place.open()
    await place.close()
    with pytest.raises(StoreMismatch) as error:
        await place.open(identity)
    assert f"holds vectors of the embedding model words@1/32, this router uses {identity}" in str(error.value)
    assert "semantic-router cache reembed --config" in str(error.value)


async def test_without_auto_create_a_missing_collection_is_an_error(place: Place) -> None:
    with pytest.raises(StoreMismatch, match="auto_create_collection is off"):
        await place.open(development={"auto_create_collection": False})
    await place.close()
    await place.open()
    await place.close()
    await place.open(development={"auto_create_collection": False})


async def test_drop_collection_on_startup_drops_once(place: Place) -> None:
    await (await place.open()).put([entry(1)])
    await place.close()
    store = await place.open(development={"drop_collection_on_startup": True})
    assert await store.get("00000001") is None
    await store.put([entry(2)])
    # A failure makes the store look at its collection anew; it must not drop it a second time.
    with pytest.raises(StoreUnavailable):
        await store._call(lambda client: client.query("no_such_collection", filter="id == 1"))
    assert await store.get("00000002") is not None


async def test_topk_bounds_a_search(place: Place) -> None:
    store = await place.open(search={"topk": 2})
    await store.put([entry(number) for number in range(5)])
    found = await store.search(PARTITION, WordEmbedder.vector("question number 3"), 5, 0.0)
    assert len(found) == 2


async def test_errors_are_one_line_unless_verbose(place: Place) -> None:
    messages = {}
    for verbose in (False, True):
        store = await place.open(development={"verbose_errors": verbose})
        with pytest.raises(StoreUnavailable) as error:
            await store._call(lambda client: client.query("semantic_cache", filter="no_field ==\n 1"))
        messages[verbose] = str(error.value)
        await place.close()
    assert "\n" not in messages[False]
    assert messages[True].startswith(messages[False].rstrip("…"))


async def test_requests_are_logged_where_asked_and_without_their_content(place: Place, logs: list[Any]) -> None:
    store = await place.open(logging={"enable_query_log": True})
    await store.put([entry(1, "a private question")])
    await store.get("00000001")
    told = [log for log in logs if log["event"] == "milvus_request"]
    assert {"create_collection", "query"} <= {log["request"] for log in told}
    assert all(set(log) == {"event", "log_level", "request", "failed", "ms"} for log in told)
