"""docker-compose.yaml: valid by the Compose specification, true to this project, and it answers the tutorial's call."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from semantic_router_proxy.config.load import load_config

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yaml"
# compose-go 2.16.2, Apache-2.0
SCHEMA = ROOT / "tests" / "fixtures" / "compose-spec.json"
SEEDS = ROOT / "tests" / "fixtures" / "seeds" / "tutorial"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return found


def test_it_is_valid_by_the_specification() -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(yaml.safe_load(FILE.read_text()))


def test_what_it_mounts_and_builds_is_there(services: dict[str, Any]) -> None:
    stages = re.findall(r"^FROM .* AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for service in services.values():
        assert service.get("build", {}).get("target", stages[0]) in stages
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert not source.startswith(".") or (ROOT / source).exists(), source
    assert all(port.startswith("127.0.0.1:") for port in services["router"]["ports"])


def test_its_files_are_the_tutorial_s() -> None:
    here = ROOT / "examples" / "compose"
    assert (here / "config.yaml").read_text() == (SEEDS / "config.yaml").read_text()
    told, seed = (yaml.safe_load(path.read_text()) for path in (here / "cache" / "milvus.yaml", SEEDS / "milvus.yaml"))
    assert told["connection"].pop("host") == "milvus"
    seed["connection"].pop("host")
    assert told == seed


def test_the_tutorial_s_call_is_a_miss_and_then_a_hit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*namespaces, sys.executable, "-m", "tests.milvus.composed", str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("SEMANTIC_ROUTER_UPSTREAM")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cold, warm = json.loads(done.stdout)
    assert (cold["cache"], warm["cache"], warm["tier"]) == ("miss", "hit", "exact")
    assert cold["text"] == warm["text"]
    monkeypatch.chdir(tmp_path)
    loaded = load_config(tmp_path / "config" / "config.yaml")
    assert loaded.milvus is not None
    assert loaded.router.semantic_cache.backend_type == "milvus"
