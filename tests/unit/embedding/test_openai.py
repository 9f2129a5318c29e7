"""The remote embedder, against a real HTTP server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.factory import make_embedder

Answer = Callable[[list[str]], Any]


def _vector(text: str) -> list[float]:
    return [len(text) + 1.0, 2.0, 3.0, 4.0]


def _answer(texts: list[str]) -> dict[str, Any]:
    rows = [{"object": "embedding", "index": number, "embedding": _vector(text)} for number, text in enumerate(texts)]
    return {"object": "list", "data": rows[::-1], "model": "m"}


class Endpoint:
    def __init__(self) -> None:
        self.url = ""
        self.answer: Answer = _answer
        self.status = 200
        self.headers: dict[str, str] = {}
        self.released: asyncio.Event | None = None
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("authorization"))
        if self.released:
            await self.released.wait()
        answer = self.answer(body["input"])
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(text=text, status=self.status, content_type="application/json", headers=self.headers)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    application = web.Application()
    application.router.add_post("/v1/embeddings", made.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield made
    if made.released:
        made.released.set()
    await runner.cleanup()


def _config(endpoint: Endpoint, **more: Any) -> EmbeddingConfig:
    return EmbeddingConfig(backend="openai", model="m", base_url=endpoint.url, **more)


async def test_rows_follow_the_texts_and_have_length_one(endpoint: Endpoint) -> None:
    embedder = await make_embedder(_config(endpoint, revision="r1"))
    texts = [f"{'x' * number}" for number in range(100)]
    vectors = await embedder.embed(texts)
    expected = np.array([_vector(text) for text in texts])
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-5)
    assert vectors.dtype == np.float32
    assert str(embedder.identity) == "m@r1/4"
    assert [len(request["input"]) for request in endpoint.requests] == [1, 64, 36]
    assert (await embedder.embed([])).shape == (0, 4)
    await embedder.close()


async def test_the_key_comes_from_the_environment_or_a_file(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMBEDDING_KEY", "from-environment")
    (tmp_path / "key").write_text("from-file\n")
    for more in ({"api_key_env": "EMBEDDING_KEY"}, {"api_key_file": str(tmp_path / "key")}, {}):
        await (await make_embedder(_config(endpoint, **more))).close()
    assert endpoint.keys == ["Bearer from-environment", "Bearer from-file", None]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"api_key_env": "A_VARIABLE_THAT_IS_NOT_SET"}, "A_VARIABLE_THAT_IS_NOT_SET is not set"),
        ({"api_key_file": "/nowhere/key"}, "/nowhere/key: No such file"),
    ],
)
async def test_a_missing_key_is_named(endpoint: Endpoint, more: dict[str, str], message: str) -> None:
    with pytest.raises(EmbeddingError, match=message):
        await make_embedder(_config(endpoint, **more))


def _rows(*vectors: list[float]) -> dict[str, Any]:
    return {"data": [{"index": number, "embedding": vector} for number, vector in enumerate(vectors)]}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda texts: _rows([float("nan"), 1, 1, 1]), "not finite"),
        (lambda texts: _rows([float("inf"), 1, 1, 1]), "not finite"),
        (lambda texts: _rows([0, 0, 0, 0]), "has no length"),
        (lambda texts: _rows([1, 2, 3]), "gave vectors of 3 numbers; at the start it gave 4"),
        (lambda texts: _rows([1, 2, 3, 4], [1, 2, 3, 4]), "gave 2 embeddings for 1 texts"),
        (lambda texts: _rows(), "gave 0 embeddings for 1 texts"),
        (lambda texts: {"data": [{"index": 3, "embedding": [1, 2, 3, 4]}]}, "not one for each"),
        (lambda texts: {"error": "no"}, "no list of embeddings"),
        (lambda texts: _rows(["a", "b"]), "no list of embeddings"),  # type: ignore[list-item]
        (lambda texts: [], "no list of embeddings"),
        (lambda texts: "<html>", "gave no embedding"),
    ],
)
async def test_a_wrong_answer_is_refused(endpoint: Endpoint, answer: Answer, message: str) -> None:
    embedder = await make_embedder(_config(endpoint))
    endpoint.answer = answer
    with pytest.raises(EmbeddingError, match=message):
        await embedder.embed(["text"])
    endpoint.answer = _answer
    assert (await embedder.embed(["text"])).shape == (1, 4)
    await embedder.close()


@pytest.mark.parametrize("status", [302, 401, 429, 500])
async def test_a_status_other_than_200_is_refused(endpoint: Endpoint, status: int) -> None:
    endpoint.status = status
    endpoint.headers = {"location": "/elsewhere"}
    with pytest.raises(EmbeddingError, match=f"answered with status {status}"):
        await make_embedder(_config(endpoint))


async def test_a_slow_endpoint_is_given_up(endpoint: Endpoint) -> None:
    endpoint.released = asyncio.Event()
    with pytest.raises(EmbeddingError, match="gave no embedding"):
        await make_embedder(_config(endpoint, timeout_seconds=0.2))


async def test_a_dead_endpoint_is_named(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    with pytest.raises(EmbeddingError, match=f"{url}/embeddings gave no embedding"):
        await make_embedder(EmbeddingConfig(backend="openai", model="m", base_url=url))
