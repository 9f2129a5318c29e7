"""Any valid resource gives files that the router reads, with every text as it was written."""

import string
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.objects import render
from semantic_router_proxy.config.load import LoadedConfig, load_config

MISLEADING = [
    "123456",
    "on",
    "null",
    "~",
    "1e3",
    "a: b",
    "- a",
    "{{ x }}",
    "{% raw %}",
    '"',
    "'",
    "#",
    "|",
    "0x1f",
    "\u2028",
]
TEXT = st.one_of(
    st.sampled_from(MISLEADING),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="$"), min_size=1, max_size=40),
)
NAME = st.one_of(
    st.sampled_from(MISLEADING), st.text(string.ascii_letters + string.digits + "-_. ", min_size=1, max_size=20)
)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    models = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    signals = draw(st.lists(NAME, min_size=1, max_size=3, unique=True))
    spec: dict[str, Any] = {
        "profile": draw(st.sampled_from(["development", "staging", "production"])),
        "providers": [
            {"name": "one", "baseURL": "http://one/v1", "apiKeySecretRef": {"name": "keys", "key": "one"}},
            {"name": "two", "baseURL": "https://two.example/v1"},
        ],
        "models": [
            {"name": name, "provider": draw(st.sampled_from(["one", "two"])), "upstreamName": draw(TEXT)}
            for name in models
        ],
        "routing": {
            "signals": {
                "keywords": [
                    {"name": name, "keywords": draw(st.lists(TEXT, min_size=1, max_size=3))} for name in signals
                ]
            },
            "decisions": [
                {
                    "name": draw(NAME),
                    "priority": draw(st.integers(-100, 100)),
                    "rules": {"conditions": [{"type": "keyword", "name": draw(st.sampled_from(signals))}]},
                    "modelRefs": [{"model": draw(st.sampled_from(models)), "useReasoning": draw(st.booleans())}],
                }
            ],
        },
        "cache": {
            "similarityThreshold": draw(st.floats(0, 1)),
            "ttlSeconds": draw(st.integers(0, 10**6)),
            "evictionPolicy": draw(st.sampled_from(["fifo", "lru", "lfu"])),
            "hnsw": {"m": draw(st.integers(2, 128)), "efSearch": draw(st.integers(1, 4096))},
        },
    }
    where = draw(st.sampled_from(["none", "embedded", "external"]))
    if where == "external":
        external = {"address": "milvus.example:19530", "credentialsSecretRef": {"name": "milvus-auth"}}
        spec["milvus"] = {"external": external}
    elif where == "embedded":
        spec["milvus"] = {"embedded": {}}
    if where != "none":
        spec["cache"]["backend"] = draw(st.sampled_from(["memory", "milvus", "hybrid"]))
    return spec


def _loaded(objects: list[dict[str, Any]]) -> LoadedConfig:
    with tempfile.TemporaryDirectory() as folder:
        for each in objects:
            for key, text in each.get("data", {}).items():
                name = "config.yaml" if key == "config.yaml" else "config/semantic-cache/milvus.yaml"
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        return load_config(
            Path(folder) / "config.yaml", {"MILVUS_USERNAME": "router", "MILVUS_PASSWORD": "canary-password"}
        )


@settings(max_examples=60, deadline=None)
@given(specs())
def test_any_valid_resource_gives_files_that_the_router_reads(spec: dict[str, Any]) -> None:
    resource = parse({"metadata": {"name": "semantic-router", "namespace": "a"}, "spec": spec})
    objects = render(resource, ClusterFacts())
    assert "canary" not in yaml.safe_dump_all(objects)

    loaded = _loaded(objects)
    assert loaded.warnings == ()
    assert [model.name for model in loaded.router.models] == [model["name"] for model in spec["models"]]
    assert [model.upstream_name for model in loaded.router.models] == [m["upstreamName"] for m in spec["models"]]
    wanted = spec["routing"]["signals"]["keywords"]
    assert [list(each.keywords) for each in loaded.router.signals.keywords] == [each["keywords"] for each in wanted]
    assert loaded.router.semantic_cache.similarity_threshold == spec["cache"]["similarityThreshold"]
    assert loaded.router.semantic_cache.backend_type == resource.backend
