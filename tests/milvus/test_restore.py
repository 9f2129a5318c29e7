"""Restoring an archive beside the collection in use, on Milvus Lite and on a real server: filled, counted, put in its
place, taken back, and repeated after a kill at any point."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from semantic_router_proxy.cache.archive import ArchiveError, ArchiveHeader, write_archive
from semantic_router_proxy.cache.entry import CacheEntry
from semantic_router_proxy.cache.milvus.collection import create_collection, new_collection_name, origin_of, real_name
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.restore import Restoration, RestoreError
from semantic_router_proxy.cache.store import StoreMismatch
from semantic_router_proxy.cli import app
from semantic_router_proxy.commands.cache_output import RESULT_VARIABLE
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.conftest import milvus_config
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import DIMENSION, WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-collections")

HEADER = ArchiveHeader(str(WordEmbedder.identity), DIMENSION)


def archive(entries: list[CacheEntry]) -> bytes:
    return b"".join(write_archive(HEADER, entries))


@pytest.fixture(params=["lite", "server"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> MilvusConfig:
    """A cache of its own, in either Milvus."""
    if request.param == "lite":
        connection = {"uri": str(tmp_path / "cache.db")}
        return MilvusConfig.model_validate({"connection": connection, "search": {"consistency_level": "Strong"}})
    server: MilvusServer = request.getfixturevalue("milvus_server")
    return milvus_config(server, collection={"name": f"restored_{abs(hash(tmp_path)):x}"})


@asynccontextmanager
async def router(config: MilvusConfig) -> AsyncIterator[MilvusStore]:
    """What a router does with the configuration."""
    store = MilvusStore(config, WordEmbedder.identity)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def restoring(config: MilvusConfig) -> AsyncIterator[Restoration]:
    restoration = Restoration(config, WordEmbedder.identity)
    try:
        yield restoration
    finally:
        await restoration.close()


async def asked(restoration: Restoration, call: Any) -> Any:
    """What a client of the same connection says."""
    return await restoration._run(call)


async def test_the_whole_way_there_and_back(config: MilvusConfig) -> None:
    name = config.collection.name
    kept = [entry(number, answer=b'{"kept": %d, "text": "\xc3\xa9"}' % number) for number in range(450)]
    gone = entry(1000, expires_at=1.0)
    async with router(config) as store:
        await store.put([entry(1, answer=b'{"of": "before"}')])
    content = archive([*kept, gone, entry(0, answer=b'{"kept": "anew"}')])
    async with restoring(config) as restoration:
        into = f"{name}_v20261121170000"
        restored = await restoration.fill(io.BytesIO(content), into)
        assert (restored.rows, restored.left_out, restored.previous) == (450, 1, f"{name}_v1")
        assert await asked(restoration, lambda client: real_name(client, name)) == f"{name}_v1"
        assert await restoration.switch(into) == f"{name}_v1"
        assert await restoration.switch(into) == f"{name}_v1", "an attempt of which nobody heard the end"
    async with router(config) as store:
        for number in (1, 7, 449):
            found = await store.get(kept[number].header.entry_id)
            assert found is not None
            assert (found.response, found.request) == (kept[number].response, kept[number].request)
            assert found.embedding is not None
            assert found.embedding.tobytes() == kept[number].embedding.tobytes()  # type: ignore[union-attr]
        anew = await store.get(kept[0].header.entry_id)
        assert anew is not None
        assert anew.response == b'{"kept": "anew"}'
        assert await store.count() == 450
    async with restoring(config) as restoration:
        with pytest.raises(RestoreError, match="routers use it"):
            await restoration.drop(into)
        assert await restoration.switch(f"{name}_v1") == into
        assert await restoration.drop(into)
        assert not await restoration.drop(into)
    async with router(config) as store:
        back = await store.get(entry(1).header.entry_id)
        assert back is not None
        assert back.response == b'{"of": "before"}'


async def test_what_a_killed_attempt_left_is_made_anew(config: MilvusConfig) -> None:
    name = config.collection.name
    content = archive([entry(number) for number in range(300)])
    async with restoring(config) as restoration:
        into = f"{name}_v7"
        with pytest.raises(ArchiveError, match="ends too early"):
            await restoration.fill(io.BytesIO(content[: len(content) // 2]), into)
        with pytest.raises(RestoreError, match="not whole") as unfinished:
            await restoration.switch(into)
        assert unfinished.value.reason == "CollectionUnfinished"
        for _ in range(2):
            restored = await restoration.fill(io.BytesIO(content), into)
            assert (restored.rows, restored.previous) == (300, "")
        # A cluster without a cache: there is nothing to lead away from.
        assert await restoration.switch(into) == ""
        assert await asked(restoration, lambda client: real_name(client, name)) == into
        assert await restoration.switch(None) == into
        assert await restoration.switch(None) == ""
        assert await restoration.drop(into)


async def test_what_is_not_a_restores_is_not_touched(config: MilvusConfig) -> None:
    name = config.collection.name
    content = archive([entry(1)])
    async with router(config) as store:
        await store.put([entry(5)])
    async with restoring(config) as restoration:
        for into, reason in ((f"{name}_v1", "CollectionInUse"), (f"other_{name}", "NameInvalid")):
            with pytest.raises(RestoreError) as refused:
                await restoration.fill(io.BytesIO(content), into)
            assert refused.value.reason == reason

        def by_another(client: Any) -> str:
            made = new_collection_name(client, name)
            origin = origin_of(client, f"{name}_v1")
            create_collection(client, made, config, type(origin)("another@1/32"), DIMENSION)
            return made

        other = await asked(restoration, by_another)
        with pytest.raises(RestoreError, match="no restore has made"):
            await restoration.fill(io.BytesIO(content), other)
        with pytest.raises(StoreMismatch, match="another@1/32"):
            await restoration.switch(other)
        with pytest.raises(RestoreError, match="no collection"):
            await restoration.switch(f"{name}_v99")
        with pytest.raises(RestoreError, match="names begin with"):
            await restoration.drop("somebody_elses")
        foreign = b"".join(write_archive(ArchiveHeader("another@1/32", DIMENSION), [entry(1)]))
        with pytest.raises(ArchiveError, match="reembed"):
            await restoration.fill(io.BytesIO(foreign), f"{name}_v50")
        assert await restoration.drop(other)
    async with router(config) as store:
        assert await store.count() == 1


def test_the_commands_tell_a_job_what_they_came_to(tmp_path: Path) -> None:
    (tmp_path / "milvus.yaml").write_text(yaml.safe_dump({"connection": {"uri": str(tmp_path / "cache.db")}}))
    config, file, result = tmp_path / "config.yaml", tmp_path / "cache.gz", tmp_path / "result"
    section = {"backend_type": "hybrid", "backend_config_path": "milvus.yaml"}
    config.write_text(yaml.safe_dump({"semantic_cache": section}))

    def run(*arguments: str) -> dict[str, Any]:
        result.unlink(missing_ok=True)
        found = CliRunner().invoke(
            app, ["cache", *arguments, "--config", str(config)], env={RESULT_VARIABLE: str(result)}
        )
        told = json.loads(result.read_text(encoding="utf-8").splitlines()[-1]) if result.exists() else {}
        return {**told, "code": found.exit_code, "output": found.output}

    embedder = json.loads(run("stats", "-o", "json")["output"])["embedder"]
    unit = np.eye(1, 384, dtype=np.float32)[0]
    entries = [CacheEntry(each.header, each.request, each.response, unit) for each in map(entry, range(5))]
    file.write_bytes(b"".join(write_archive(ArchiveHeader(embedder, 384), entries)))
    first, second = "semantic_cache_v1", "semantic_cache_v20261121170000"
    done = {"outcome": "succeeded", "code": 0}

    trial = run("restore", str(file), "--into", "semantic_cache_drill", "--trial")
    assert trial.items() >= {**done, "operation": "drill", "rows": 5}.items(), trial
    restored = run("restore", str(file), "--into", second)
    assert restored.items() >= {**done, "rows": 5, "left_out": 0, "previous": first, "collection": second}.items()
    assert run("switch", "--to", second).items() >= {**done, "previous": first}.items()
    assert json.loads(run("stats", "-o", "json")["output"])["stored_rows"] == 5
    used = run("drop", "--collection", second)
    assert used.items() >= {"outcome": "failed", "reason": "CollectionInUse", "code": 2}.items()
    assert run("switch", "--to", first).items() >= {**done, "previous": second}.items()
    assert run("drop", "--collection", second).items() >= done.items()
    assert run("drop", "--collection", second).items() >= done.items()
    assert run("switch", "--to", "").items() >= {**done, "previous": first}.items()

    file.write_bytes(file.read_bytes()[:-30])
    damaged = run("restore", str(file), "--into", second)
    assert damaged.items() >= {"outcome": "failed", "reason": "ArchiveDamaged", "operation": "restore"}.items()
    assert run("restore", str(tmp_path / "none"), "--into", second)["reason"] == "ArchiveMissing"
