"""What is shown to those who come from elsewhere loads, and says the same before and after."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from release.check import ROOT

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.objects import render
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.root import RouterConfig

EXAMPLES = ROOT / "examples" / "migrate"


def _rendered(resource: Path, folder: Path) -> RouterConfig:
    objects = render(parse(yaml.safe_load(resource.read_text())), ClusterFacts())
    written = next(each["data"]["config.yaml"] for each in objects if "config.yaml" in each.get("data", {}))
    file = folder / "config.yaml"
    file.write_text(written)
    return load_config(file).router


def _what_it_does(config: RouterConfig) -> dict[str, Any]:
    return {
        "providers": [sorted([each.base_url, *each.endpoints]) for each in config.providers],
        "models": [(each.name, each.context_window) for each in config.models],
        "decisions": [
            (each.name, each.priority, [(ref.model, ref.use_reasoning) for ref in each.model_refs])
            for each in config.decisions
        ],
        "default": config.default_model,
        "cache": (config.semantic_cache.backend_type, config.semantic_cache.similarity_threshold),
        "ttl": config.semantic_cache.ttl_seconds,
    }


def test_a_file_of_vllm_semantic_router_and_its_resource_do_the_same(tmp_path: Path) -> None:
    there = load_config(EXAMPLES / "vllm-semantic-router.yaml")
    here = _rendered(EXAMPLES / "vllm-semantic-router-resource.yaml", tmp_path)
    assert _what_it_does(there.router) == _what_it_does(here)


def test_litellm_s_models_servers_and_limits_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    before = yaml.safe_load((EXAMPLES / "litellm.yaml").read_text())
    after = load_config(EXAMPLES / "from-litellm.yaml").router
    models = {each["model_name"] for each in before["model_list"]}
    assert {each.name for each in after.models} == models
    gpus = next(each for each in after.providers if each.name == "gpus")
    servers = [each["litellm_params"].get("api_base") for each in before["model_list"]]
    assert [gpus.base_url, *gpus.endpoints] == [each for each in servers if each]
    assert gpus.retries == before["router_settings"]["num_retries"]
    small = next(each for each in after.models if each.name == "small")
    assert [{"small": list(small.fallbacks)}] == before["litellm_settings"]["fallbacks"]
    cache = before["litellm_settings"]["cache_params"]
    assert after.semantic_cache.similarity_threshold == cache["similarity_threshold"]
    assert after.semantic_cache.ttl_seconds == cache["ttl"]
