"""The demo's changes to the CR, and what it makes of the operator's output."""

from pathlib import Path

import pytest
import yaml

from semantic_router_proxy.demo.custom_resource import Upstream, rendered_files, with_upstream
from semantic_router_proxy.demo.processes import DemoError

RESOURCE = """
kind: SemanticRouter
metadata: {name: semantic-router}
spec:
  providers:
    - {name: local, baseURL: "http://vllm:8000/v1", apiKeySecretRef: {name: a, key: b}}
  models:
    - {name: small, provider: local}
    - {name: large, provider: local}
"""


def test_only_the_upstream_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "cr.yaml"
    file.write_text(RESOURCE)
    upstream = Upstream("http://127.0.0.1:1/v1", "", ("gpt-small",), "x")
    spec = yaml.safe_load(with_upstream(file, upstream))["spec"]
    assert spec["providers"] == [{"name": "local", "baseURL": "http://127.0.0.1:1/v1"}]
    assert spec["models"] == [
        {"name": "small", "provider": "local", "upstreamName": "gpt-small"},
        {"name": "large", "provider": "local"},
    ]


def test_a_key_is_referenced_and_reaches_the_router_by_environment(tmp_path: Path) -> None:
    file = tmp_path / "cr.yaml"
    file.write_text(RESOURCE)
    upstream = Upstream("http://127.0.0.1:1/v1", "canary-key", (), "x")
    changed = with_upstream(file, upstream)
    assert "canary-key" not in changed
    assert yaml.safe_load(changed)["spec"]["providers"][0]["apiKeySecretRef"] == {"name": "demo", "key": "api-key"}

    config = {"providers": [{"name": "local", "base_url": "http://127.0.0.1:1/v1", "api_key_env": "LOCAL_KEY"}]}
    config_map = {
        "kind": "ConfigMap",
        "metadata": {"name": "semantic-router-config"},
        "data": {"config.yaml": yaml.safe_dump(config)},
    }
    rendered = rendered_files(yaml.safe_dump(config_map), upstream, tmp_path)
    assert rendered.environment == {"SEMANTIC_ROUTER_DATA_DIR": str(tmp_path), "LOCAL_KEY": "canary-key"}
    assert rendered.objects == "ConfigMap semantic-router-config"
    assert yaml.safe_load(rendered.config.read_text()) == config


@pytest.mark.parametrize("text", ["kind: ConfigMap", "- a", "spec: {providers: [], models: 3}", "a: ["])
def test_another_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(text)
    with pytest.raises(DemoError, match="is not a SemanticRouter"):
        with_upstream(file, Upstream("http://127.0.0.1:1/v1", "", ("m",), "x"))
