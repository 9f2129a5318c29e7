"""The cache's section: what two of its keys say together."""

from typing import Any

import pytest
from pydantic import ValidationError

from semantic_router_proxy.config.root import RouterConfig

PROVIDERS = [{"name": "p", "base_url": "http://localhost:1/v1"}]
MODELS = [{"name": "small", "provider": "p"}]
SIGNALS = {"keywords": [{"name": "k", "keywords": ["a"]}]}


def _config(cache: dict[str, Any], plugin: dict[str, Any] | None = None, **more: Any) -> RouterConfig:
    decision = {
        "name": "d",
        "rules": {"conditions": [{"type": "keyword", "name": "k"}]},
        "modelRefs": [{"model": "small"}],
        "plugins": [{"type": "semantic-cache", "configuration": plugin or {}}],
    }
    base = {"providers": PROVIDERS, "models": MODELS, "signals": SIGNALS, "decisions": [decision]}
    return RouterConfig.model_validate({**base, "semantic_cache": cache, **more})


@pytest.mark.parametrize(
    ("cache", "plugin"),
    [
        ({"verify_threshold": 0.7, "verifier": {"model": "small"}}, {}),
        ({"verifier": {"model": "small"}}, {"verify_threshold": 0.7}),
        (
            {
                "verifier": {"model": "small"},
                "categories": [{"type": "keyword", "name": "k", "verify_threshold": 0.7}],
            },
            {},
        ),
        ({"shadow": {"share": 1.0}}, {"similarity_threshold": 0.95, "ttl_seconds": 60}),
    ],
)
def test_what_belongs_together_is_taken(cache: dict[str, Any], plugin: dict[str, Any]) -> None:
    assert _config(cache, plugin).semantic_cache.similarity_threshold == 0.85


@pytest.mark.parametrize(
    ("cache", "plugin", "words"),
    [
        ({"verify_threshold": 0.7}, {}, "needs semantic_cache.verifier.model"),
        ({}, {"verify_threshold": 0.7}, "needs semantic_cache.verifier.model"),
        ({"verifier": {"model": "small"}}, {}, "verifier needs verify_threshold"),
        ({"verify_threshold": 0.7, "verifier": {"model": "x"}}, {}, "no model named 'x'"),
        ({"verify_threshold": 0.9, "verifier": {"model": "small"}}, {}, "must be below similarity_threshold"),
        ({"categories": [{"type": "keyword", "name": "x"}]}, {}, "no keyword signal named 'x'"),
        ({"categories": [{"type": "mood", "name": "k"}]}, {}, "categories.0.type"),
        ({"shadow": {"share": 1.5}}, {}, "shadow.share"),
        ({}, {"similarity_threshold": "high"}, "similarity_threshold"),
        ({}, {"similarity": 0.9}, "similarity"),
    ],
)
def test_what_does_not_is_refused_in_words(cache: dict[str, Any], plugin: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        _config(cache, plugin)


def test_a_verifier_may_be_a_model_that_only_the_provider_lists() -> None:
    cache = {"verify_threshold": 0.7, "verifier": {"model": "listed"}}
    _config(cache, models=[], decisions=[])
