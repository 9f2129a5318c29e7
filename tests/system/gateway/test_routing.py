"""Routing by meaning, over HTTP."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from tests.system.gateway.conftest import Running, Start
from typer.testing import CliRunner

from semantic_router_proxy.cli import app
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.problems import ConfigError
from semantic_router_proxy.config.root import RouterConfig
from semantic_router_proxy.embedding.factory import make_embedder
from semantic_router_proxy.server.engine import make_engine, policy_epoch
from semantic_router_proxy.server.explain import explain
from semantic_router_proxy.upstream.client import UpstreamClient

# The decision-level text of the hybrid cache's documentation, as it stands there.
SEED = yaml.safe_load((Path(__file__).parents[2] / "fixtures/routing/decision_level.yaml").read_text())
PROMPT = {"type": "system_prompt", "configuration": {"system_prompt": "You count.", "mode": "insert"}}


def models(**families: str) -> Any:
    names = ("small", "large", "openai/gpt-oss-120b")
    return [{"name": name, "provider": "local", "reasoning_family": families.get(name, "none")} for name in names]


def said(router: Running) -> dict[str, Any]:
    """What the model server was asked last."""
    body: dict[str, Any] = router.standin.record.last_body
    return body


async def test_the_documented_decision_level_configuration_works_unmodified(start: Start) -> None:
    embedder = await make_embedder(EmbeddingConfig())
    families = {"openai/gpt-oss-120b": "gpt-oss"}
    router = await start(**SEED, models=models(**families), embedder=embedder)
    status, headers, _ = await router.ask("What is the derivative of x squared?")
    assert status == 200
    assert headers["x-vsr-selected-decision"] == "math_route"
    assert headers["x-vsr-selected-model"] == "openai/gpt-oss-120b"
    assert headers["x-vsr-selected-reasoning"] == "on"
    assert "classified as 'math'" in headers["x-vsr-selected-reason"]
    assert said(router)["reasoning_effort"] == "medium"
    # 0.985 alike is enough for the decision's 0.95.
    await router.ask("How do I calculate the area of a circle?")
    _, headers, _ = await router.ask("How can I compute the area of a circle?")
    assert (headers["x-vsr-cache"], headers["x-vsr-selected-decision"]) == ("hit", "math_route")
    # 0.93 alike is enough for the cache's 0.85 only.
    await router.ask("What is the quadratic formula?")
    _, headers, _ = await router.ask("Explain the quadratic formula")
    assert headers["x-vsr-cache"] == "miss"
    _, headers, _ = await router.ask("Who painted the Mona Lisa?")
    assert "x-vsr-selected-decision" not in headers
    assert headers["x-vsr-selected-model"] == "small"


async def test_a_decisions_system_prompt_reaches_the_model_and_separates_answers(start: Start) -> None:
    keyword = {"keywords": [{"name": "sum", "keywords": ["add"]}]}
    rules = {"conditions": [{"type": "keyword", "name": "sum"}]}
    decision = {"name": "sums", "rules": rules, "modelRefs": [{"model": "small"}], "plugins": [PROMPT]}
    router = await start(signals=keyword, decisions=[decision])
    own = {"role": "system", "content": "Be kind."}
    body = {"model": "auto", "messages": [own, {"role": "user", "content": "please add the numbers of this long list"}]}
    await router.post("/v1/chat/completions", body)
    asked = said(router)
    assert asked["messages"][0] == {"role": "system", "content": "You count.\n\nBe kind."}
    # The same words in another order are the same vector here; without the decision it is another question.
    other = {**body, "model": "small"}
    _, headers, _ = await router.post("/v1/chat/completions", other)
    assert headers["x-vsr-cache"] == "miss"
    assert said(router)["messages"][0] == own
    status, _, _ = await router.post("/v1/responses", {"model": "auto", "input": "add one and one and two"})
    assert status == 200
    assert said(router)["instructions"] == "You count."


async def test_an_uncertain_question_is_answered_by_the_larger_model(start: Start) -> None:
    embedder = await make_embedder(EmbeddingConfig())
    signals = {"domains": [{"name": "physics"}, {"name": "math"}]}
    rules = {"operator": "OR", "conditions": [{"type": "domain", "name": "physics"}]}
    decision = {"name": "physics", "rules": rules, "modelRefs": [{"model": "small"}]}
    router = await start(signals=signals, decisions=[decision], escalation={"model": "large"}, embedder=embedder)
    _, headers, _ = await router.ask("What does Newton's second law say about force and acceleration?")
    assert headers["x-vsr-selected-model"] == "small"
    assert "x-vsr-escalated" not in headers
    _, headers, _ = await router.ask("What is a Fourier transform?")
    assert headers["x-vsr-selected-model"] == "large"
    assert headers["x-vsr-escalated"] == "true"
    assert "uncertain, so the larger model large" in headers["x-vsr-selected-reason"]


async def test_a_request_that_the_model_cannot_take_goes_to_one_that_can(start: Start) -> None:
    given = [
        {"name": "small", "provider": "local", "context_window": 100, "capabilities": []},
        {"name": "large", "provider": "local"},
    ]
    router = await start(models=given)
    _, headers, _ = await router.ask("short")
    assert headers["x-vsr-selected-model"] == "small"
    _, headers, _ = await router.ask("word " * 200)
    assert headers["x-vsr-selected-model"] == "large"
    _, headers, _ = await router.ask("short", tools=[{"type": "function", "function": {"name": "f"}}])
    assert headers["x-vsr-selected-model"] == "large"
    assert "small cannot do tools" in headers["x-vsr-selected-reason"]


async def test_latency_of_real_answers_feeds_the_choice(start: Start) -> None:
    keyword = {"keywords": [{"name": "any", "keywords": ["q"]}]}
    rules = {"conditions": [{"type": "keyword", "name": "any"}]}
    refs = [{"model": "small"}, {"model": "large"}]
    decision = {"name": "d", "rules": rules, "modelRefs": refs, "choose_by": "latency"}
    router = await start(signals=keyword, decisions=[decision], semantic_cache={"enabled": False})
    performance = router.gateway.engine.router.performance
    number = 0
    while any(performance.latency(name) is None for name in ("small", "large")):
        await router.ask(f"q {number}")
        number += 1
    for _ in range(50):
        performance.first_byte("small", 5.0)
    _, headers, _ = await router.ask("q again")
    assert headers["x-vsr-selected-model"] == "large"
    assert "fastest" in headers["x-vsr-selected-reason"]


def test_explain_tells_the_decision_without_a_running_router(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    providers = [{"name": "local", "base_url": "http://127.0.0.1:9/v1"}]
    config = {**SEED, "providers": providers, "models": models(), "default_model": "small"}
    file.write_text(yaml.safe_dump(config))
    result = CliRunner().invoke(app, ["explain", "What is 12 times 13?", "--config", str(file), "--json"])
    assert result.exit_code == 0, result.output
    told = orjson.loads(result.stdout)
    assert (told["decision"], told["model"], told["use_reasoning"]) == ("math_route", "openai/gpt-oss-120b", True)
    [signal] = told["signals"]
    assert signal["signal"] == "domain:math"
    assert signal["matched"]
    assert signal["confidence"] > 0.8


async def test_a_file_in_a_foreign_layout_answers(start: Start) -> None:
    def endpoints(upstream: str) -> list[dict[str, Any]]:
        address, port = upstream.removeprefix("http://").split(":")
        return [{"name": "local", "address": address, "port": int(port)}]

    router = await start(
        providers=None,
        models=None,
        vllm_endpoints=endpoints,
        model_config={"large": {"reasoning_family": "qwen3", "preferred_endpoints": ["local"]}},
        keyword_rules=[{"name": "hurry", "keywords": ["urgent"]}],
        decisions=[
            {
                "name": "fast",
                "rules": {"operator": "NOT", "conditions": [{"type": "keyword", "name": "hurry"}]},
                "modelRefs": [{"model": "large", "use_reasoning": True}],
            }
        ],
    )
    status, headers, _ = await router.ask("What is slow?")
    assert (status, headers["x-vsr-selected-model"], headers["x-vsr-selected-decision"]) == (200, "large", "fast")
    assert said(router)["chat_template_kwargs"] == {"enable_thinking": True}
    _, headers, _ = await router.ask("An urgent question")
    assert headers["x-vsr-selected-model"] == "small"


async def test_signals_by_meaning_need_the_embedder(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**SEED, "providers": [{"name": "p", "base_url": "http://127.0.0.1:9"}]}))
    with pytest.raises(ConfigError, match="there is no model named"):
        load_config(file, {})
    file.write_text(yaml.safe_dump({"signals": SEED["signals"]}))
    with pytest.raises(ConfigError, match="need the embedder, which only starts with the router"):
        await make_engine(load_config(file, {}), {}, UpstreamClient(), None)


def test_what_changes_an_answer_changes_the_policy_epoch() -> None:
    def epoch(**changes: Any) -> str:
        prompt = changes.pop("prompt", "one")
        plugin = {"type": "system_prompt", "configuration": {"system_prompt": prompt}}
        decision = {**SEED["decisions"][0], "plugins": [plugin]}
        providers = [{"name": "local", "base_url": "http://127.0.0.1:9/v1"}]
        config = {**SEED, "decisions": [decision], "providers": providers, "models": models(), **changes}
        return policy_epoch(RouterConfig.model_validate(config))

    escalation = {"model": "large"}
    epochs = [epoch(), epoch(prompt="two"), epoch(escalation=escalation), epoch(default_model="large")]
    assert len(set(epochs)) == 4
    assert epoch() == epoch()


def test_explain_takes_headers_and_callers(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    signals = {"headers": [{"name": "gold", "header": "X-Tier", "values": ["gold"]}]}
    signals["callers"] = [{"name": "team", "callers": ["science"], "users": ["ada"]}]
    conditions = [{"type": "header", "name": "gold"}, {"type": "caller", "name": "team"}]
    rules = {"operator": "AND", "conditions": conditions}
    decision = {"name": "best", "rules": rules, "modelRefs": [{"model": "large"}]}
    providers = [{"name": "local", "base_url": "http://127.0.0.1:9/v1"}]
    config = {"providers": providers, "models": models(), "signals": signals, "decisions": [decision]}
    file.write_text(yaml.safe_dump(config))
    asked = ["explain", "hello", "--config", str(file), "--header", "X-Tier: gold"]
    assert "decision: none" in CliRunner().invoke(app, asked).output
    for who in (["--caller", "science"], ["--user", "ada"]):
        assert "large  decision: best" in CliRunner().invoke(app, [*asked, *who]).output
    assert "is not of the form NAME: VALUE" in CliRunner().invoke(app, [*asked, "--header", "gold"]).output


@pytest.mark.parametrize("question", ["What is 12 times 13?", "Who was Napoleon?"])
async def test_the_dry_run_says_the_same_as_the_answer(start: Start, question: str) -> None:
    embedder = await make_embedder(EmbeddingConfig())
    router = await start(**SEED, models=models(), embedder=embedder)
    body = {"messages": [{"role": "user", "content": question}]}
    told = await explain(router.gateway, body)
    _, headers, _ = await router.ask(question)
    assert told["model"] == headers["x-vsr-selected-model"]
    assert told["reason"] == headers["x-vsr-selected-reason"]
