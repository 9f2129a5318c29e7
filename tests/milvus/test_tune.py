"""`semantic-router cache tune` on collections in use."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-collections")

_ANIMALS, _PARTS = ("giraffe", "whale", "beetle", "sparrow", "tortoise"), ("heart", "eyes", "diet", "age", "song")


async def _fill(config: dict[str, Any], count: int) -> None:
    store = MilvusStore(MilvusConfig.model_validate(config), WordEmbedder.identity)
    await store.open()
    choose = np.random.default_rng(3)
    questions = [
        f"{choose.choice(_ANIMALS)} {choose.choice(_PARTS)} volume {choose.integers(30)} page {choose.integers(300)}"
        for _ in range(count)
    ]
    for start in range(0, count, 500):
        await store.put([entry(start + at, question) for at, question in enumerate(questions[start : start + 500])])
    await store.close()


async def _tune(folder: Path, milvus: dict[str, Any], *arguments: str) -> tuple[int | None, str]:
    (folder / "milvus.yaml").write_text(yaml.safe_dump(milvus))
    config = {"semantic_cache": {"backend_type": "hybrid", "backend_config_path": "milvus.yaml"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "semantic_router_proxy.cli", "cache", "tune", "--config", str(folder / "config.yaml"),
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, " ".join(output.decode().split())


async def test_it_recommends_an_nprobe_on_milvus_lite(tmp_path: Path) -> None:
    index = {"type": "IVF_FLAT", "params": {"nlist": 32}}
    milvus = {"connection": {"uri": str(tmp_path / "cache.db")}, "collection": {"index": index}}
    await _fill(milvus, 1000)
    code, output = await _tune(tmp_path, milvus, "--queries", "20", "-o", "json")
    assert code == 0, output
    told = json.loads(output)
    assert (told["parameter"], told["entries"], told["now"]) == ("nprobe", 1000, 16)
    assert told["recommended"] in [each["value"] for each in told["measured"]]


async def test_it_recommends_an_ef_on_a_server(tmp_path: Path, milvus_server: MilvusServer) -> None:
    auth = {"enabled": True, "username": "root", "password": "Milvus"}
    milvus = {
        "connection": {"host": "127.0.0.1", "port": milvus_server.port, "timeout": 20, "auth": auth},
        "collection": {"name": "tuned"},
        "search": {"consistency_level": "Bounded"},
    }
    await _fill(milvus, 1000)
    # Below Strong, the last writes take a moment to be seen; all are, once the count says so.
    store = MilvusStore(MilvusConfig.model_validate(milvus), WordEmbedder.identity)
    await store.open()
    while await store.count() < 1000:
        await asyncio.sleep(0.1)
    await store.close()
    code, output = await _tune(tmp_path, milvus, "--queries", "20")
    assert code == 0, output
    for words in ("HNSW, 1000 entries", "recall@10", "Recommended: search.params.ef: ", "now 64"):
        assert words in output


@pytest.mark.parametrize(
    ("index", "entries", "words"),
    [("FLAT", 1, "An index of type FLAT has no parameter to tune."), ("HNSW", 3, "has 3 entries; too few to measure.")],
)
async def test_what_cannot_be_tuned_is_said(tmp_path: Path, index: str, entries: int, words: str) -> None:
    milvus = {"connection": {"uri": str(tmp_path / "cache.db")}, "collection": {"index": {"type": index}}}
    await _fill(milvus, entries)
    code, output = await _tune(tmp_path, milvus)
    assert (code, words in output) == (0, True), output
