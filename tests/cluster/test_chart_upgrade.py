"""Install, upgrade and removal of the chart on a control plane of its own: definitions are of the whole cluster."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.conftest import Json, Kubectl
from tests.control_plane.binaries import find_or_build
from tests.control_plane.server import ControlPlane
from tests.control_plane.shared import Access

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "semantic-router-operator"
OLDER = ROOT / "tests" / "fixtures" / "crds" / "older"
RELEASE = "semantic-router-operator"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Access]:
    programs = find_or_build(lambda line: print(line, file=sys.stderr))
    plane = ControlPlane(programs, tmp_path / "plane")
    try:
        plane.start([])
        yield Access(
            url=plane.url,
            kubeconfig=plane.kubeconfig,
            certificate=plane.folder / "certs" / "apiserver.crt",
            audit_log=plane.audit_log,
            kubectl=programs["kubectl"],
            helm=programs["helm"],
        )
    finally:
        plane.stop()


def _helm(access: Access, *arguments: str) -> None:
    options = [f"--kubeconfig={access.kubeconfig}", "--namespace=default"]
    done = subprocess.run([str(access.helm), *arguments, *options], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def _properties(crd: Json) -> dict[str, Any]:
    (version,) = crd["spec"]["versions"]
    properties: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return properties


def test_resources_live_through_upgrade_and_removal_of_the_chart(empty: Access, resource: Json, tmp_path: Path) -> None:
    kubectl = Kubectl(empty, "default")
    older = tmp_path / "chart"
    subprocess.run(["cp", "-r", str(CHART), str(older)], check=True)
    (definition,) = OLDER.glob("*.yaml")
    crd = yaml.safe_load(definition.read_text(encoding="utf-8"))
    crd["metadata"].setdefault("annotations", {})["helm.sh/resource-policy"] = "keep"
    # It knew this one kind.
    for file in (older / "files").glob("*.yaml"):
        file.unlink()
    (older / "files" / definition.name).write_text(yaml.safe_dump(crd), encoding="utf-8")
    assert "access" not in _properties(crd)

    _helm(empty, "install", RELEASE, str(older))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{crd['metadata']['name']}")
    kubectl("create", "-f", "-", stdin=resource)
    before = kubectl.get("sr", "semantic-router")

    _helm(empty, "upgrade", RELEASE, str(CHART), "--set=replicas=3")
    today = kubectl.get("crd", crd["metadata"]["name"])
    assert today is not None
    assert "access" in _properties(today)
    assert kubectl.get("sr", "semantic-router") == before

    _helm(empty, "uninstall", RELEASE)
    assert kubectl.get("deployment", RELEASE) is None
    assert kubectl.get("sr", "semantic-router") == before
