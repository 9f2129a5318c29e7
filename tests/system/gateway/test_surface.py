"""Errors, limits, models and identities, as an OpenAI client meets them."""

from typing import Any

import pytest
from tests.system.gateway.conftest import Start

CHAT = "/v1/chat/completions"
QUESTION = "Which planets of the solar system have rings around them?"


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": QUESTION}], **fields}


@pytest.mark.parametrize(
    ("raw", "status", "words"),
    [
        (b"{", 400, "not valid JSON"),
        (b"[]", 400, "must be a JSON object"),
        (b"{}", 400, "messages"),
        (b'{"messages": "x"}', 400, "array"),
        (b'{"messages": [1]}', 400, "messages[0]"),
        (b'{"messages": [{"role": "user", "content": "x"}], "model": 1}', 400, "model"),
        (b'{"messages": [{"role": "user", "content": ' + b"[" * 300 + b"]" * 300 + b"}]}", 400, "nested"),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, "JSON"),
    ],
)
async def test_bad_bodies_are_named(start: Start, raw: bytes, status: int, words: str) -> None:
    router = await start()
    async with router.session.post(router.url + CHAT, data=raw) as response:
        body = await response.json()
    assert response.status == status
    assert words in body["error"]["message"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert router.standin.record.requests == 0


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_above_the_limit_is_refused(start: Start, chunked: bool) -> None:
    router = await start(server={"max_body_bytes": 2048})

    async def parts() -> Any:
        for _ in range(8):
            yield b"x" * 1024

    async with router.session.post(router.url + CHAT, data=parts() if chunked else b"x" * 8192) as response:
        assert response.status == 413
        assert (await response.json())["error"]["code"] == "request_too_large"


async def test_an_unknown_model_is_the_default_with_one_provider(start: Start) -> None:
    router = await start()
    _, headers, _ = await router.post(CHAT, asked(model="test"))
    assert headers["x-vsr-selected-model"] == "small"


async def test_an_unknown_model_is_a_404_with_several_providers(start: Start) -> None:
    router = await start(
        providers=lambda live: [{"name": "local", "base_url": f"{live}/v1"}, {"name": "b", "base_url": f"{live}/v1"}]
    )
    status, _, body = await router.post(CHAT, asked(model="test"))
    assert (status, body["error"]["code"]) == (404, "model_not_found")


async def test_without_any_provider_the_answer_says_what_to_do(start: Start) -> None:
    router = await start(providers=[], models=[], default_model="")
    status, _, body = await router.post(CHAT, asked())
    assert status == 503
    assert "SEMANTIC_ROUTER_UPSTREAM" in body["error"]["message"]
    assert router.health.ready()[0] == 200


async def test_callers_do_not_share_answers(start: Start) -> None:
    router = await start()
    await router.post(CHAT, asked(), authorization="Bearer one")
    for headers, fields in (
        ({"authorization": "Bearer two"}, {}),
        ({"authorization": "Bearer one"}, {"user": "u"}),
        ({}, {}),
    ):
        _, answer, _ = await router.post(CHAT, asked(**fields), **headers)
        assert answer["x-vsr-cache"] == "miss"
    _, answer, _ = await router.post(CHAT, asked(), authorization="Bearer one")
    assert answer["x-vsr-cache"] == "hit"


async def test_a_global_scope_shares_answers(start: Start) -> None:
    router = await start(semantic_cache={"backend_type": "memory", "scope": "global"})
    await router.post(CHAT, asked(), authorization="Bearer one")
    _, answer, _ = await router.post(CHAT, asked(), authorization="Bearer two")
    assert answer["x-vsr-cache"] == "hit"


async def test_no_store_neither_reads_nor_writes(start: Start) -> None:
    router = await start()
    for _ in range(2):
        _, headers, _ = await router.post(CHAT, asked(), cache_control="no-store")
        assert (headers["x-vsr-cache"], headers["x-vsr-cache-reason"]) == ("bypass", "no-store")
    assert router.standin.record.requests == 2


async def test_keywords_and_examples_choose_the_model(start: Start) -> None:
    router = await start(
        signals={
            "keywords": [{"name": "code", "keywords": ["python", "C++"]}],
            "embeddings": [{"name": "refund", "threshold": 0.9, "candidates": ["please refund my money"]}],
        },
        decisions=[
            {
                "name": "coding",
                "priority": 5,
                "rules": {"conditions": [{"type": "keyword", "name": "code"}]},
                "modelRefs": [{"model": "large"}],
            },
            {
                "name": "money",
                "rules": {"conditions": [{"type": "embedding", "name": "refund"}]},
                "modelRefs": [{"model": "large"}],
            },
        ],
    )
    for question, decision, model in (
        ("Is C++ hard?", "coding", "large"),
        ("please refund my money", "money", "large"),
        ("hello there", None, "small"),
    ):
        _, headers, _ = await router.ask(question)
        assert headers.get("x-vsr-selected-decision") == decision
        assert headers["x-vsr-selected-model"] == model
        assert router.standin.record.last_body["model"] == model


async def test_models_are_listed(start: Start) -> None:
    router = await start()
    async with router.session.get(f"{router.url}/v1/models") as response:
        listing = await response.json()
    assert [model["id"] for model in listing["data"]] == ["auto", "small", "large"]
    async with router.session.get(f"{router.url}/v1/models/large") as response:
        assert (await response.json())["id"] == "large"
    async with router.session.get(f"{router.url}/v1/models/none") as response:
        assert response.status == 404


async def test_request_ids_are_kept_or_made(start: Start) -> None:
    router = await start()
    _, headers, _ = await router.post(CHAT, asked(), x_request_id="abc-1")
    assert headers["x-request-id"] == "abc-1"
    assert router.standin.record.last_headers["x-request-id"] == "abc-1"
    _, headers, _ = await router.post(CHAT, asked(), x_request_id="bad id")
    assert headers["x-request-id"].startswith("req_")


async def test_wrong_methods_and_paths_are_openai_errors(start: Start) -> None:
    router = await start()
    async with router.session.get(router.url + CHAT) as response:
        assert response.status == 405
    async with router.session.get(f"{router.url}/v1/nothing") as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "unknown_url"


async def test_a_header_that_routing_looks_at_separates_even_shared_answers(start: Start) -> None:
    router = await start(
        semantic_cache={"backend_type": "memory", "scope": "global"},
        signals={"headers": [{"name": "gold", "header": "x-tier", "values": ["gold"]}]},
        decisions=[
            {
                "name": "premium",
                "rules": {"conditions": [{"type": "header", "name": "gold"}]},
                "modelRefs": [{"model": "large"}],
            }
        ],
    )
    _, headers, _ = await router.post(CHAT, asked(), x_tier="gold")
    assert headers["x-vsr-selected-model"] == "large"
    _, headers, _ = await router.post(CHAT, asked())
    assert (headers["x-vsr-cache"], headers["x-vsr-selected-model"]) == ("miss", "small")
    _, headers, _ = await router.post(CHAT, asked(), x_tier="gold")
    assert (headers["x-vsr-cache"], headers["x-vsr-selected-model"]) == ("hit", "large")
