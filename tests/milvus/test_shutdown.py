"""A router that is told to stop: what it answered while Milvus did not is in Milvus afterwards."""

import asyncio
from pathlib import Path

import aiohttp
import orjson
import yaml
from pymilvus import MilvusClient

from tests.milvus.conftest import FaultyLink, StartRouter

QUESTIONS = [f"Who wrote volume {number} of the encyclopedia?" for number in range(30)]


def _stored(port: int) -> set[str]:
    client = MilvusClient(uri=f"http://127.0.0.1:{port}", dedicated=True, timeout=20)
    try:
        rows = client.query("stopped", filter='id != ""', output_fields=["query"], limit=1000)
        return {str(row["query"]) for row in rows}
    finally:
        client.close()


async def test_answers_that_wait_for_milvus_are_written_before_the_end(
    faulty_link: tuple[FaultyLink, int], lite_server: int, standin: str, tmp_path: Path, start_router: StartRouter
) -> None:
    link, port = faulty_link
    milvus = {
        "connection": {"host": "127.0.0.1", "port": port, "timeout": 20},
        "collection": {"name": "stopped"},
        "search": {"timeout": 0.3},
    }
    (tmp_path / "milvus.yaml").write_text(yaml.safe_dump(milvus))
    config = {
        "server": {"port": 0}, "admin": {"port": 0}, "metrics": {"port": 0},
        "providers": [{"name": "p", "base_url": f"{standin}/v1"}],
        "models": [{"name": "m", "provider": "p"}],
        "semantic_cache": {"backend_type": "milvus", "backend_config_path": "milvus.yaml"},
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    router = await start_router(tmp_path / "config.yaml")
    assert router.stderr is not None
    address = ""
    while b'"ready"' not in (line := await router.stderr.readline()):
        address = orjson.loads(line).get("api", address)
    log = asyncio.create_task(router.stderr.read())
    link.stall()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:

        async def ask(question: str) -> None:
            body = {"model": "auto", "max_tokens": 2, "messages": [{"role": "user", "content": question}]}
            async with session.post(f"{address}/v1/chat/completions", json=body) as answer:
                assert answer.status == 200
                assert answer.headers["x-vsr-cache"] == "miss"

        await asyncio.gather(*map(ask, QUESTIONS))
    router.terminate()
    link.heal()
    text = (await log).decode()
    assert await router.wait() == 0
    assert "cache_entries_lost" not in text
    assert "Traceback" not in text
    assert await asyncio.to_thread(_stored, lite_server) == set(QUESTIONS)
