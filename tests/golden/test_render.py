"""What the operator makes of a resource, to the byte. A case is a folder with `resource.yaml` and `objects.yaml`."""

from pathlib import Path

import pytest
import yaml

from semantic_router_operator.api.validate import parse
from semantic_router_operator.cli import to_yaml
from semantic_router_operator.render.facts import OPTIONAL_KINDS, ClusterFacts
from semantic_router_operator.render.objects import render
from semantic_router_proxy.config.load import load_config

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
FACTS = ClusterFacts(
    default_image="registry.test/semantic-router:1.2.3",
    operator_image="registry.test/semantic-router-operator:1.2.3",
    kinds=OPTIONAL_KINDS,
    secret_versions={"milvus-auth": "41"},
)
SECRETS = {"MILVUS_USERNAME": "router", "MILVUS_PASSWORD": "canary-password", "PROVIDER_OPENAI_API_KEY": "canary-key"}
FILES = {"config.yaml": "config.yaml", "milvus.yaml": "config/semantic-cache/milvus.yaml"}


def _objects(case: Path) -> str:
    resource = parse(yaml.safe_load((case / "resource.yaml").read_text(encoding="utf-8")))
    return to_yaml(render(resource, FACTS))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rendered_objects(case: Path, update_golden: bool) -> None:
    expected = case / "objects.yaml"
    text = _objects(case)
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_router_reads_what_was_rendered(case: Path, tmp_path: Path) -> None:
    for each in yaml.safe_load_all(_objects(case)):
        for key, text in each.get("data", {}).items():
            if key not in FILES:
                continue
            target = tmp_path / FILES[key]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    loaded = load_config(tmp_path / "config.yaml", SECRETS)
    assert loaded.warnings == ()
    assert (loaded.milvus is None) == (loaded.router.semantic_cache.backend_type == "memory")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_resource_gives_the_same_bytes(case: Path) -> None:
    assert _objects(case) == _objects(case)
