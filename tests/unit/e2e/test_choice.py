"""Which cluster `make e2e` runs on, and what it says where there is none."""

import os
import re
from pathlib import Path

import pytest
from e2e.clusters.choice import choose
from e2e.images.engine import Engine
from tests.control_plane.binaries import UnavailableError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any program, whose user is nobody in particular."""
    for name in ("E2E_CLUSTER", "E2E_REGISTRY", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_where_nothing_can_be_had_each_way_s_needs_are_told() -> None:
    with pytest.raises(UnavailableError) as refused:
        choose()
    told = str(refused.value)
    for words in ("the program kind", "a Docker daemon", "needs root", "KUBECONFIG", "E2E_REGISTRY"):
        assert words in told


def test_root_without_tools_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UnavailableError, match=re.escape("these packages, or apt-get to install them")) as refused:
        choose()
    assert "podman" in str(refused.value)


def test_a_cluster_that_exists_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    monkeypatch.setenv("E2E_REGISTRY", "registry.example")
    assert choose() == "existing"


def test_a_named_one_is_taken_and_a_wrong_name_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("E2E_CLUSTER", "node")
    assert choose() == "node"
    monkeypatch.setenv("E2E_CLUSTER", "minikube")
    with pytest.raises(UnavailableError, match="minikube"):
        choose()


def test_docker_sees_to_its_layers_itself() -> None:
    # Nothing is called: there is no docker on this PATH.
    Engine("docker").forget_unused("--> 0123456789ab")
