"""Archives out of a real Milvus Lite and into another: to the byte, however many entries."""

import asyncio
import io
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from semantic_router_proxy.cache.archive import ArchiveError, ArchiveHeader, ArchiveReader, write_archive
from semantic_router_proxy.cache.entry import CacheEntry, Selection
from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.transfer import export_entries, import_entries
from tests.milvus.conftest import Backends
from tests.milvus.entries import entry
from tests.unit.cache.conftest import DIMENSION, WordEmbedder

HEADER = ArchiveHeader(str(WordEmbedder.identity), DIMENSION)
MANY = 20_000


async def _archive(engine: HybridBackend, selection: Selection | None = None) -> bytes:
    return b"".join([piece async for piece in export_entries(engine, HEADER, selection or Selection())])


def _content(archive: bytes) -> dict[str, dict[str, Any]]:
    """Return the entries by id, vectors as bytes."""
    return {
        each.header.entry_id: asdict(each)
        | {"embedding": each.embedding.tobytes() if each.embedding is not None else b""}
        for portion in ArchiveReader(io.BytesIO(archive)).portions()
        for each in portion
    }


async def test_twenty_thousand_entries_make_the_round_trip(backends: Backends, tmp_path: Path) -> None:
    entries = [entry(number, answer=b'{"answer": "\xc3\xa4 %d"}' % number) for number in range(MANY)]
    before = b"".join(write_archive(HEADER, entries))
    first = await backends.open({"uri": str(tmp_path / "first.db")}, backend="milvus")
    imported = await import_entries(first, HEADER, io.BytesIO(before))
    assert (imported.read, imported.held) == (MANY, MANY)
    exported = await _archive(first)
    assert len(_content(exported)) == MANY
    second = await backends.open({"uri": str(tmp_path / "second.db")}, backend="milvus")
    await import_entries(second, HEADER, io.BytesIO(exported))
    assert _content(await _archive(second)) == _content(exported)


async def test_an_import_that_broke_off_goes_on(backends: Backends, lite: dict[str, Any]) -> None:
    archive = b"".join(write_archive(HEADER, [entry(number) for number in range(500)]))
    engine = await backends.open(lite)
    with pytest.raises(ArchiveError, match="ends too early"):
        await import_entries(engine, HEADER, io.BytesIO(archive[: len(archive) * 9 // 10]))
    held = engine.get_stats().total_entries
    assert 0 < held < 500
    imported = await import_entries(engine, HEADER, io.BytesIO(archive), skip=held)
    assert (imported.read, imported.held) == (500, 500 - held)
    assert engine.get_stats().total_entries == 500


async def test_another_models_vectors_are_refused(backends: Backends, lite: dict[str, Any]) -> None:
    engine = await backends.open(lite)
    archive = b"".join(write_archive(ArchiveHeader("other@1/32", DIMENSION), [entry(1)]))
    with pytest.raises(ArchiveError, match=r"other@1/32.*reembed"):
        await import_entries(engine, HEADER, io.BytesIO(archive))
    assert engine.get_stats().total_entries == 0


async def test_selections_hold_in_the_store(backends: Backends, lite: dict[str, Any]) -> None:
    engine = await backends.open(lite)
    entries: list[CacheEntry] = [entry(number) for number in range(4)]
    await engine.restore(entries)
    first = entries[1].header.created_at
    assert await engine.invalidate(Selection(decision="other")) == 0
    assert await engine.invalidate(Selection(created_before=first)) == 1
    assert len(_content(await _archive(engine, Selection(decision="d")))) == 3
    assert await engine.invalidate(Selection(decision="d")) == 3
    assert _content(await _archive(engine)) == {}


async def test_the_command_works_on_the_store_itself(tmp_path: Path) -> None:
    (tmp_path / "milvus.yaml").write_text(yaml.safe_dump({"connection": {"uri": str(tmp_path / "cache.db")}}))
    config = tmp_path / "config.yaml"
    section = {"backend_type": "hybrid", "backend_config_path": "milvus.yaml"}
    config.write_text(yaml.safe_dump({"semantic_cache": section}))

    async def run(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "semantic_router_proxy.cli", "cache", *arguments, "--config", str(config),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    code, out, err = await run("stats", "-o", "json")
    assert code == 0, err
    header = ArchiveHeader(json.loads(out)["embedder"], 384)
    stored = entry(7)
    stored = CacheEntry(stored.header, stored.request, stored.response, WordEmbedder.vector("a").repeat(12) / 12**0.5)
    archive = tmp_path / "archive.gz"
    archive.write_bytes(b"".join(write_archive(header, [stored])))
    code, out, err = await run("import", str(archive))
    assert (code, out.startswith("1 answers were put in")) == (0, True), err
    _, out, _ = await run("list")
    assert "question number 7" in out
    assert (await run("delete", stored.header.entry_id))[0] == 0
    assert json.loads((await run("list", "-o", "json"))[1])["entries"] == []
