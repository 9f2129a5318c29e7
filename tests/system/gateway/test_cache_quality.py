"""What makes the cache's answers right: thresholds, the verifier, shadow mode, and callers' reports; over real HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest
import structlog
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.system.gateway.conftest import Running, Start, listening

from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.server.reload import Reloader

QUESTION = "How do I sort a list of names in Python?"
ALIKE = "How can I sort a list of names in Python?"  # 0.90 to the tests' embedder
LESS_ALIKE = "Please tell me how to sort a list of names in Python"  # 0.73
OTHER = "How do I sort a list of names in Java?"

Judge = Callable[[str | int], Awaitable[str]]


class Judging:
    """A model server that says one thing, and what it was asked."""

    def __init__(self, says: str | int) -> None:
        self._says = says
        self.bodies: list[Any] = []

    def app(self) -> Starlette:
        paths = ("/v1/chat/completions", "/v1/messages")
        return Starlette(routes=[Route(path, self._answer, methods=["POST"]) for path in paths])

    async def _answer(self, request: Request) -> Response:
        self.bodies.append(orjson.loads(await request.body()))
        if isinstance(self._says, int):
            return Response(status_code=self._says)
        answer: dict[str, Any] = {
            "choices": [{"message": {"role": "assistant", "content": self._says}, "finish_reason": "stop"}]
        }
        if request.url.path == "/v1/messages":
            content = [{"type": "text", "text": self._says}]
            answer = {"id": "m", "model": "m", "content": content, "stop_reason": "end_turn", "usage": {}}
        return Response(orjson.dumps(answer), media_type="application/json")


@pytest.fixture
async def judged(start: Start) -> AsyncIterator[Callable[..., Awaitable[tuple[Running, Judging]]]]:
    """Return a function that starts a gateway with a verifier that says the given thing."""
    async with AsyncExitStack() as stack:

        async def started(says: str | int, *, speaks: str = "translated", **verifier: Any) -> tuple[Running, Judging]:
            judging = Judging(says)
            judge = await stack.enter_async_context(listening(judging.app()))
            router = await start(
                providers=lambda local: [
                    {"name": "local", "base_url": f"{local}/v1"},
                    {"name": "judge", "base_url": f"{judge}/v1", "retries": 0, "messages_api": speaks},
                ],
                models=[{"name": "small", "provider": "local"}, {"name": "judge", "provider": "judge"}],
                semantic_cache={
                    "backend_type": "memory",
                    "similarity_threshold": 0.85,
                    "verify_threshold": 0.7,
                    "verifier": {"model": "judge", **verifier},
                },
            )
            return router, judging

        yield started


async def stored(router: Running, question: str = QUESTION, **fields: Any) -> None:
    """Ask a question for the first time and wait until its answer is kept."""
    cache = router.gateway.cache
    assert cache is not None
    before = cache.get_stats().total_entries
    _, headers, _ = await router.ask(question, **fields)
    assert headers["x-vsr-cache"] == "miss"
    await router.until(lambda: cache.get_stats().total_entries == before + 1)


def metric(router: Running, name: str, **labels: str) -> float:
    value = router.gateway.observer.registry.get_sample_value(name, labels)
    return value if value is not None else 0.0


async def test_above_the_upper_threshold_nobody_is_asked(judged: Any) -> None:
    router, judging = await judged("NO")
    await stored(router)
    _, headers, _ = await router.ask(ALIKE)
    assert (headers["x-vsr-cache"], headers["x-vsr-cache-tier"]) == ("hit", "semantic")
    assert judging.bodies == []


async def test_a_verifier_may_speak_anthropics_protocol_only(judged: Any) -> None:
    router, judging = await judged("YES", speaks="only")
    await stored(router)
    _, headers, _ = await router.ask(LESS_ALIKE)
    assert headers["x-vsr-cache"] == "hit"
    (body,) = judging.bodies
    assert body["system"].startswith("You compare")
    assert (body["model"], body["max_tokens"]) == ("judge", 16)


async def test_between_the_thresholds_a_yes_serves(judged: Any) -> None:
    router, judging = await judged("YES")
    await stored(router)
    _, headers, _ = await router.ask(LESS_ALIKE)
    assert (headers["x-vsr-cache"], headers["x-vsr-cache-tier"]) == ("hit", "semantic")
    assert 0.7 <= float(headers["x-vsr-cache-similarity"]) < 0.85
    (body,) = judging.bodies
    assert orjson.loads(body["messages"][1]["content"]) == {"first": QUESTION, "second": LESS_ALIKE}
    assert metric(router, "semantic_cache_verifications_total", outcome="accepted") == 1
    assert router.standin.record.requests == 1


@pytest.mark.parametrize(
    ("says", "outcome"),
    [("NO", "rejected"), ("Certainly! They look alike.", "unclear"), (500, "error"), ("", "unclear")],
)
async def test_between_the_thresholds_anything_else_is_a_miss(judged: Any, says: str | int, outcome: str) -> None:
    router, judging = await judged(says)
    await stored(router)
    status, headers, _ = await router.ask(LESS_ALIKE)
    assert (status, headers["x-vsr-cache"]) == (200, "miss")
    assert len(judging.bodies) == 1
    assert metric(router, "semantic_cache_verifications_total", outcome=outcome) == 1
    stats = router.gateway.cache.get_stats() if router.gateway.cache else None
    assert stats is not None
    assert (stats.hit_count, stats.miss_count) == (0, 2)


@pytest.mark.parametrize(("model", "outcome"), [("dead", "error"), ("slow", "timeout")])
async def test_a_verifier_that_is_down_or_slow_is_a_miss(
    start: Start, unused_tcp_port: int, model: str, outcome: str
) -> None:
    router = await start(
        providers=lambda local: [
            {"name": "local", "base_url": f"{local}/v1"},
            {"name": "dead", "base_url": f"http://127.0.0.1:{unused_tcp_port}/v1", "retries": 0},
        ],
        models=[
            {"name": "small", "provider": "local"},
            {"name": "dead", "provider": "dead"},
            {"name": "slow", "provider": "local", "upstream_name": "slow-hang"},
        ],
        semantic_cache={"verify_threshold": 0.7, "verifier": {"model": model, "timeout_seconds": 0.2}},
    )
    await stored(router)
    status, headers, _ = await router.ask(LESS_ALIKE)
    assert (status, headers["x-vsr-cache"]) == (200, "miss")
    assert metric(router, "semantic_cache_verifications_total", outcome=outcome) == 1
    await router.until(lambda: router.standin.record.running == 0)


async def test_the_guard_rejects_before_the_verifier_is_asked(judged: Any) -> None:
    router, judging = await judged("YES")
    await stored(router)
    _, headers, _ = await router.ask(OTHER)
    assert headers["x-vsr-cache"] == "miss"
    assert judging.bodies == []


async def test_a_callers_threshold_leaves_the_verifier_nothing_below_it(judged: Any) -> None:
    router, judging = await judged("YES")
    await stored(router)
    body = {"model": "auto", "messages": [{"role": "user", "content": LESS_ALIKE}]}
    _, headers, _ = await router.post("/v1/chat/completions", body, x_vsr_cache_threshold="0.8")
    assert headers["x-vsr-cache"] == "miss"
    assert judging.bodies == []


SIGNALS = {"keywords": [{"name": "python", "keywords": ["Python"]}, {"name": "list", "keywords": ["list"]}]}
DECISION = {
    "name": "code",
    "rules": {"conditions": [{"type": "keyword", "name": "python"}]},
    "modelRefs": [{"model": "large"}],
}


@pytest.mark.parametrize(
    ("cache", "plugin", "verdict"),
    [
        ({}, {}, "hit"),
        ({"similarity_threshold": 0.95}, {}, "miss"),
        ({"similarity_threshold": 0.95}, {"similarity_threshold": 0.8}, "hit"),
        ({}, {"similarity_threshold": 0.95}, "miss"),
        ({}, {"enabled": False}, "miss"),
        ({"categories": [{"type": "keyword", "name": "list", "similarity_threshold": 0.95}]}, {}, "miss"),
        ({"categories": [{"type": "keyword", "name": "list", "enabled": False}]}, {}, "miss"),
        (
            {"categories": [{"type": "keyword", "name": "list", "similarity_threshold": 0.95}]},
            {"similarity_threshold": 0.8},
            "hit",
        ),
        (
            {
                "similarity_threshold": 0.95,
                "categories": [{"type": "keyword", "name": "list", "similarity_threshold": 0.8}],
            },
            {},
            "hit",
        ),
    ],
)
async def test_thresholds_by_category_and_by_decision(
    start: Start, cache: dict[str, Any], plugin: dict[str, Any], verdict: str
) -> None:
    decision = {**DECISION, "plugins": [{"type": "semantic-cache", "configuration": plugin}]}
    router = await start(signals=SIGNALS, decisions=[decision], semantic_cache={"backend_type": "memory", **cache})
    _, headers, _ = await router.ask(QUESTION)
    assert headers["x-vsr-selected-decision"] == "code"
    # The flight ends when the answer was kept, or was not to be.
    await router.until(lambda: not router.gateway._flights)
    _, headers, _ = await router.ask(ALIKE)
    assert headers["x-vsr-cache"] == verdict


async def test_a_category_counts_for_a_request_that_names_its_model(start: Start) -> None:
    category = {"type": "keyword", "name": "list", "similarity_threshold": 0.95}
    router = await start(signals=SIGNALS, semantic_cache={"categories": [category]})
    await stored(router, model="small")
    _, headers, _ = await router.ask(ALIKE, model="small")
    assert headers["x-vsr-cache"] == "miss"


async def test_thresholds_and_shadow_mode_change_without_a_restart(start: Start) -> None:
    router = await start(signals=SIGNALS)
    file = router.gateway.engine.file
    config = yaml.safe_load(file.read_text())
    reloader = Reloader(load_config(file, {}), router.health)
    await stored(router)
    strict = {"type": "keyword", "name": "list", "similarity_threshold": 0.95}
    cases: tuple[tuple[str, dict[str, Any], str], ...] = (
        (ALIKE, {"categories": [strict]}, "miss"),
        (ALIKE.replace("can I", "should I"), {"shadow": {"share": 1.0, "compare": 0.0}}, "shadow"),
        (ALIKE.replace("can I", "do we"), {}, "hit"),
    )
    for question, settings, outcome in cases:
        changed = file.with_suffix(".new")
        changed.write_text(yaml.safe_dump({**config, "semantic_cache": {"backend_type": "memory", **settings}}))
        changed.replace(file)
        assert await reloader.check()
        _, headers, _ = await router.ask(question)
        assert headers.get("x-vsr-cache-reason", headers["x-vsr-cache"]) == outcome


async def test_shadow_mode_serves_no_semantic_hit_and_compares_answers(start: Start) -> None:
    router = await start(semantic_cache={"shadow": {"share": 1.0, "agreement": 0.5}})
    await stored(router)
    with structlog.testing.capture_logs() as logs:
        _, headers, _ = await router.ask(ALIKE)
        await router.until(lambda: metric(router, "semantic_cache_shadow_agreement_count") == 1)
    assert (headers["x-vsr-cache"], headers["x-vsr-cache-reason"]) == ("miss", "shadow")
    assert router.standin.record.requests == 2
    assert metric(router, "semantic_cache_shadow_hits_total", decision="none") == 1
    (line,) = [each for each in logs if each["event"] == "shadow_hit_compared"]
    outcome = "same" if line["same"] else "different"
    assert line["same"] == (line["agreement"] >= 0.5)
    assert metric(router, "semantic_cache_shadow_comparisons_total", decision="none", outcome=outcome) == 1
    assert metric(router, "semantic_cache_false_hit_ratio") == (0.0 if line["same"] else 1.0)
    assert "sort" not in repr(logs), "no text of a question or an answer in the log"
    _, headers, _ = await router.ask(QUESTION)
    assert (headers["x-vsr-cache"], headers["x-vsr-cache-tier"]) == ("hit", "exact")


async def test_a_false_hit_is_seen_in_shadow_mode(start: Start) -> None:
    router = await start(semantic_cache={"shadow": {"share": 1.0, "agreement": 1.0}})
    await stored(router)
    await router.ask(ALIKE)
    await router.until(lambda: metric(router, "semantic_cache_shadow_agreement_count") == 1)
    assert metric(router, "semantic_cache_shadow_comparisons_total", decision="none", outcome="different") == 1
    assert metric(router, "semantic_cache_false_hit_ratio") == 1.0


async def test_shadow_mode_without_comparison_only_counts(start: Start) -> None:
    router = await start(semantic_cache={"shadow": {"share": 1.0, "compare": 0.0}})
    await stored(router)
    await router.ask(ALIKE)
    await router.until(lambda: not router.gateway._flights)
    assert metric(router, "semantic_cache_shadow_hits_total", decision="none") == 1
    assert metric(router, "semantic_cache_shadow_agreement_count") == 0


async def semantic_entry(router: Running) -> str:
    _, headers, _ = await router.ask(ALIKE)
    assert headers["x-vsr-cache"] == "hit"
    return headers["x-vsr-cache-entry"]


async def test_a_reported_entry_is_never_served_again(start: Start) -> None:
    router = await start()
    await stored(router)
    entry = await semantic_entry(router)
    status, _, body = await router.post("/v1/cache/feedback", {"entry_id": entry, "verdict": "wrong"})
    assert (status, body) == (200, {"object": "cache.feedback", "entry_id": entry, "deleted": True})
    for question in (ALIKE, QUESTION):
        _, headers, _ = await router.ask(question)
        assert headers.get("x-vsr-cache-entry") != entry
        await router.until(lambda: not router.gateway._flights)
    status, _, body = await router.post("/v1/cache/feedback", {"entry_id": entry})
    assert (status, body["error"]["code"]) == (404, "entry_not_found")
    assert metric(router, "semantic_cache_feedback_total", result="deleted") == 1
    assert metric(router, "semantic_cache_feedback_total", result="unknown") == 1


async def test_an_exact_hit_names_its_entry_too(start: Start) -> None:
    router = await start()
    await stored(router)
    _, headers, _ = await router.ask(QUESTION)
    status, _, _ = await router.post("/v1/cache/feedback", {"entry_id": headers["x-vsr-cache-entry"]})
    assert status == 200
    _, headers, _ = await router.ask(QUESTION)
    assert headers["x-vsr-cache"] == "miss"


async def test_nobody_reports_an_entry_of_somebody_else(start: Start) -> None:
    router = await start()
    await stored(router)
    entry = await semantic_entry(router)
    status, _, _ = await router.post("/v1/cache/feedback", {"entry_id": entry}, authorization="Bearer another")
    assert status == 404
    status, _, _ = await router.post("/v1/cache/feedback", {"entry_id": entry, "user": "another"})
    assert status == 404
    assert await semantic_entry(router) == entry


@pytest.mark.parametrize(
    "body",
    [{}, {"entry_id": 1}, {"entry_id": "x"}, {"entry_id": "a" * 32, "verdict": "fine"}, {"entry_id": "a" * 32, "x": 1}],
)
async def test_a_report_that_says_something_else_is_refused_in_words(start: Start, body: dict[str, Any]) -> None:
    router = await start()
    status, _, answer = await router.post("/v1/cache/feedback", body)
    assert status == 400
    assert answer["error"]["param"] in ("entry_id", "verdict", "x")


async def test_reports_need_a_cache(start: Start) -> None:
    router = await start(semantic_cache={"enabled": False})
    status, _, answer = await router.post("/v1/cache/feedback", {"entry_id": "a" * 32})
    assert (status, answer["error"]["code"]) == (409, "cache_disabled")
