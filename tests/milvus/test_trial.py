"""`semantic-router cache verify` on a real Milvus Lite: what is written is found again, and nothing stays."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.cache.trial import try_out
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.conftest import Backends
from tests.unit.cache.conftest import DIMENSION, WordEmbedder


async def _verify(folder: Path, connection: dict[str, Any]) -> tuple[int, str, str]:
    (folder / "milvus.yaml").write_text(yaml.safe_dump({"connection": connection}))
    cache = {"backend_type": "milvus", "backend_config_path": "milvus.yaml"}
    (folder / "config.yaml").write_text(yaml.safe_dump({"semantic_cache": cache}))
    result = folder / "result"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "semantic_router_proxy.cli", "cache", "verify", "--config", str(folder / "config.yaml"),
        env={**os.environ, "SEMANTIC_ROUTER_RESULT_FILE": str(result)}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, err = await process.communicate()
    return process.returncode or 0, result.read_text() if result.exists() else "", err.decode()


async def test_the_command_tells_a_job_what_it_did(tmp_path: Path) -> None:
    code, told, err = await _verify(tmp_path, {"uri": str(tmp_path / "cache.db")})
    assert (code, told.startswith("an entry was written, and found again after")) == (0, True), err


async def test_a_store_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    code, told, err = await _verify(tmp_path, {"host": "127.0.0.1", "port": 1, "timeout": 2})
    assert (code, told) == (1, "")
    assert "127.0.0.1:1" in err.strip().splitlines()[-1]


async def test_no_lookup_meets_a_trial(backends: Backends, lite: dict[str, Any]) -> None:
    engine: HybridBackend = await backends.open(lite)
    store = MilvusStore(MilvusConfig.model_validate({"connection": lite}), WordEmbedder.identity)
    await store.open()
    try:
        await try_out(store, DIMENSION)
        assert (await engine.read_entries("", 10)).entries == []
    finally:
        await store.close()


async def test_a_store_that_loses_what_it_took_is_noticed(
    lite: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MilvusStore(MilvusConfig.model_validate({"connection": lite}), WordEmbedder.identity)
    await store.open()

    async def nothing(entry_id: str) -> None:
        del entry_id

    monkeypatch.setattr(store, "get", nothing)
    monkeypatch.setattr("semantic_router_proxy.cache.trial._VISIBLE_SECONDS", 0.0)
    try:
        with pytest.raises(StoreUnavailable, match="not found again"):
            await try_out(store, DIMENSION)
    finally:
        await store.close()
