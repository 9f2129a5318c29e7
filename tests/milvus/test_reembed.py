"""Moving a cache to another embedding model by the real command: on Milvus Lite and on a real server."""

import asyncio
import contextlib
import json
import sys
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml
from prometheus_client import CollectorRegistry
from pymilvus import MilvusClient

from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.cache.factory import open_cache
from semantic_router_proxy.cache.milvus import lite
from semantic_router_proxy.cache.milvus.collection import origin_of, real_name
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.embedding.factory import make_embedder
from semantic_router_proxy.server.engine import policy_epoch
from tests.milvus.conftest import ROOT_TOKEN
from tests.milvus.server import MilvusServer

pytestmark = pytest.mark.xdist_group("milvus-collections")

CLI = (sys.executable, "-m", "semantic_router_proxy.cli", "cache", "reembed")


class Site:
    """A router's configuration with a Milvus and a model server behind it."""

    def __init__(self, folder: Path, standin: str, connection: dict[str, Any], client: dict[str, Any]) -> None:
        self.folder = folder
        self.standin = standin
        self._client = client
        milvus = {
            "connection": connection,
            "search": {"consistency_level": "Strong", "timeout": 20},
            "development": {"verbose_errors": True},
        }
        (folder / "milvus.yaml").write_text(yaml.safe_dump(milvus))
        self.config = self.write("config.yaml", backend="openai", model="first", base_url=f"{standin}/v1")

    def write(self, name: str, **embedding: Any) -> Path:
        file = self.folder / name
        data = {
            "providers": [{"name": "p", "base_url": f"{self.standin}/v1"}],
            "models": [{"name": "m", "provider": "p"}],
            "semantic_cache": {"backend_type": "milvus", "backend_config_path": "milvus.yaml"},
            "embedding": embedding,
        }
        file.write_text(yaml.safe_dump(data))
        return file

    @contextlib.asynccontextmanager
    async def cache(self, config: Path) -> AsyncIterator["Cache"]:
        """The cache as a router with this configuration has it."""
        loaded = load_config(config)
        embedder = await make_embedder(loaded.router.embedding)
        backend = await open_cache(loaded, embedder, CollectorRegistry())
        identity, epoch = str(embedder.identity), policy_epoch(loaded.router)
        service = SemanticCache(backend, loaded.router.semantic_cache, identity, epoch, time.time)
        try:
            yield Cache(service, embedder)
        finally:
            await service.close()
            await embedder.close()

    @contextlib.asynccontextmanager
    async def store(self, config: Path) -> AsyncIterator[MilvusStore]:
        loaded = load_config(config)
        assert loaded.milvus is not None
        embedder = await make_embedder(loaded.router.embedding)
        store = MilvusStore(loaded.milvus, embedder.identity)
        await store.open()
        try:
            yield store
        finally:
            await store.close()
            await embedder.close()

    @contextlib.contextmanager
    def client(self) -> Any:
        embedded = self._client["uri"].endswith(".db")
        if embedded:
            lite.use_file(self._client["uri"])
        client = MilvusClient(**self._client)
        try:
            yield client
        finally:
            client.close()
            if embedded:
                lite.leave_file(self._client["uri"])

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *CLI, "--config", str(self.config), *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def run(self, *arguments: str) -> tuple[int | None, str]:
        process = await self.start(*arguments)
        output, _ = await process.communicate()
        # Without a terminal, rich folds lines.
        return process.returncode, " ".join(output.decode().split())

    async def embedded(self) -> int:
        """Return how many requests the model server has had."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.standin}/standin") as answer:
            return int((await answer.json())["paths"].get("/v1/embeddings", 0))


class Cache:
    def __init__(self, service: SemanticCache, embedder: Any) -> None:
        self.service = service
        self._embedder = embedder

    def _prepare(self, question: str) -> Any:
        body = {"model": "auto", "messages": [{"role": "user", "content": question}]}
        return self.service.prepare("chat", body, "someone", {})

    async def add(self, questions: Sequence[str]) -> None:
        vectors = await self._embedder.embed(questions)

        async def one(question: str, vector: Any) -> None:
            answer = orjson.dumps({"answer to": question})
            assert await self.service.store(self._prepare(question), "m", vector, answer) is not None

        await asyncio.gather(*(one(*each) for each in zip(questions, vectors, strict=True)))

    async def exact(self, question: str) -> bool:
        return await self.service.find_exact(self._prepare(question)) is not None

    async def similar(self, question: str) -> str | None:
        """Return the stored question whose answer would be served."""
        vector = (await self._embedder.embed([question]))[0]
        hit = await self.service.find_similar(self._prepare(question), "m", vector)
        return None if hit is None else hit.header.query


@pytest.fixture
def lite_site(tmp_path: Path, standin: str) -> Site:
    uri = str(tmp_path / "cache.db")
    return Site(tmp_path, standin, {"uri": uri}, {"uri": uri})


@pytest.fixture(params=["lite", "server"])
def site(request: pytest.FixtureRequest, tmp_path: Path, standin: str) -> Site:
    if request.param == "lite":
        return request.getfixturevalue("lite_site")  # type: ignore[no-any-return]
    server: MilvusServer = request.getfixturevalue("milvus_server")
    database = f"db_{zlib.crc32(request.node.name.encode())}"
    arguments = {"uri": f"http://127.0.0.1:{server.port}", "token": ROOT_TOKEN, "dedicated": True, "timeout": 20}
    root = MilvusClient(**arguments)
    root.create_database(database)
    root.close()
    auth = {"enabled": True, "token": ROOT_TOKEN}
    connection = {"host": "127.0.0.1", "port": server.port, "database": database, "timeout": 20, "auth": auth}
    return Site(tmp_path, standin, connection, arguments | {"db_name": database})


def _questions(count: int) -> list[str]:
    animals, parts = ("giraffe", "whale", "beetle", "sparrow", "tortoise"), ("heart", "skeleton", "eyesight", "diet")
    return [
        f"Describe the {parts[number % 4]} of the {animals[number // 4 % 5]} in chapter {number // 20} of the atlas"
        for number in range(count)
    ]


async def test_a_cache_moves_to_another_model(site: Site) -> None:
    """From the model server's vectors to those of the model inside the router."""
    questions = [*_questions(40), "What is the capital of France?"]
    async with site.cache(site.config) as cache:
        await cache.add(questions)
    new = site.write("new.yaml", backend="onnx")
    pairs = site.folder / "pairs.jsonl"
    pairs.write_text('{"question": "What is the capital of France?", "same": "Tell me the capital city of France"}\n')

    code, output = await site.run("--to", str(new), "--pairs", str(pairs), "--dry-run")
    assert code == 0, output
    for words in (
        "41 rows of first@unversioned/",
        "recall@10",
        "NDCG@10",
        "On your pairs",
        "nothing was changed",
    ):
        assert words in output
    with site.client() as client:
        assert set(client.list_collections()) == {"semantic_cache_v1"}

    code, output = await site.run("--to", str(new))
    assert code == 0, output
    assert "semantic_cache now leads to semantic_cache_v2" in output
    assert "41 rows re-embedded" in output
    async with site.cache(new) as cache:
        assert all([await cache.exact(question) for question in questions[:5]])
        assert await cache.similar("What's the capital of France?") == "What is the capital of France?"

    code, output = await site.run("--to", str(new), "--drop-old")
    assert code == 0, output
    assert "nothing to re-embed" in output
    assert "Dropped: semantic_cache_v1" in output
    with site.client() as client:
        assert set(client.list_collections()) == {"semantic_cache_v2"}


async def test_a_run_that_is_killed_is_continued_and_nothing_deleted_comes_back(site: Site) -> None:
    questions = _questions(1500)
    async with site.cache(site.config) as cache:
        await cache.add(questions)
    before = await site.embedded()
    process = await site.start("--to", "second", "--sample", "0")
    async with asyncio.timeout(60):
        while await site.embedded() < before + 8:
            assert process.returncode is None
            await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    with site.client() as client:
        assert real_name(client, "semantic_cache") == "semantic_cache_v1"
    # While nothing runs, entries are deleted and swept, and a new one comes.
    async with site.store(site.config) as store:
        gone = [header.entry_id for header in await store.find(Selection(), 1500) if header.query in questions[:50]]
        await store.expire(gone)
        await store.sweep(time.time() + 1)
    async with site.cache(site.config) as cache:
        await cache.add(["Who wrote the atlas of animals?"])

    code, output = await site.run("--to", "second", "--sample", "0", "--drop-old")
    assert code == 0, output
    assert "were there from an earlier run" in output
    assert "0 were there" not in output
    with site.client() as client:
        assert set(client.list_collections()) == {"semantic_cache_v2"}
        assert origin_of(client, "semantic_cache_v2").copy_of == ""
    new = site.write("new.yaml", backend="openai", model="second", base_url=f"{site.standin}/v1")
    async with site.store(new) as store:
        page = await store.scan(-1, 100_000)
        found = [row.header.query for row in page.entries]
    assert sorted(found) == sorted([*questions[50:], "Who wrote the atlas of animals?"])
    async with site.cache(new) as cache:
        assert await cache.similar(questions[700]) == questions[700]
        assert await cache.similar(questions[10]) != questions[10]


@pytest.mark.parametrize("site", ["server"], indirect=True)
async def test_what_routers_write_meanwhile_is_not_lost(site: Site) -> None:
    """A router with the old model goes on, through the switch and after; its answers are found by exact repeats."""
    async with site.cache(site.config) as cache:
        await cache.add(_questions(100))
        process = await site.start("--to", "second", "--sample", "0")
        written: list[str] = []
        while process.returncode is None:
            question = f"Which number follows {len(written)} in the atlas?"
            await cache.add([question])
            written.append(question)
            await asyncio.sleep(0.02)
        assert process.returncode == 0, (await process.communicate())[0].decode()
        await cache.add(["Who wrote the atlas of animals?"])
        written.append("Who wrote the atlas of animals?")
    new = site.write("new.yaml", backend="openai", model="second", base_url=f"{site.standin}/v1")
    async with site.store(new) as store:
        page = await store.scan(-1, 100_000)
    assert page.complete
    assert {*written, *_questions(100)} <= {row.header.query for row in page.entries}
    assert len(written) > 10
    async with site.cache(new) as cache:
        assert all([await cache.exact(question) for question in (written[0], written[-2], written[-1])])


async def test_models_that_agree_too_little_are_not_switched(lite_site: Site) -> None:
    async with lite_site.cache(lite_site.config) as cache:
        await cache.add(_questions(30))
    new = lite_site.write("new.yaml", backend="onnx")
    code, output = await lite_site.run("--to", str(new), "--min-recall", "0.99")
    assert code == 3, output
    assert "nothing was changed" in output
    code, output = await lite_site.run("--to", str(new), "--dry-run", "-o", "json")
    told = json.loads(output[output.index("{") :])
    assert (code, told["source"]["collection"], told["target"]) == (0, "semantic_cache_v1", None)
    assert told["comparison"]["recall"] < 0.99
    with lite_site.client() as client:
        assert set(client.list_collections()) == {"semantic_cache_v1"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--to", "second"), 2, "there is no collection semantic_cache; nothing has been cached yet"),
        (("--to", "missing.yaml"), 2, "missing.yaml"),
        (("--pairs", "missing.jsonl"), 2, "missing.jsonl: cannot be read"),
        (("--pairs", "config.yaml"), 2, "line 1"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    lite_site: Site, arguments: tuple[str, ...], code: int, words: str
) -> None:
    resolved = [str(lite_site.folder / each) if "." in each else each for each in arguments]
    found, output = await lite_site.run(*resolved)
    assert found == code, output
    assert words in output
    assert "Traceback" not in output


async def test_a_file_that_a_router_holds_is_named(lite_site: Site) -> None:
    async with lite_site.cache(lite_site.config):
        code, output = await lite_site.run("--to", "second")
    assert code == 2, output
    assert "is open in another process" in output
