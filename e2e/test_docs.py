"""The documents' cluster commands, run page by page as a reader types them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documents import Block, commands

from e2e.conftest import image_settings, install
from e2e.world import OPERATOR_NAMESPACE, PATIENCE, RELEASE, ROOT, World

NAMESPACE = "vllm-semantic-router-system"
_BLOCKS = [block for block in commands() if block.kind == "cluster"]
PAGES = list(dict.fromkeys(block.page for block in _BLOCKS))


@pytest.fixture
def reader(world: World, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody who has kubectl, helm and a cluster without the operator.

    helm is told which images are under test; everything else is as the page says.
    """
    world.helm("uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE, "--wait")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").symlink_to(world.programs["kubectl"])
    settings = " ".join(image_settings(world.images))
    wrapper = f'case $1 in install|upgrade) set -- "$@" {settings} ;; esac\nexec {world.programs["helm"]} "$@"\n'
    (programs / "helm").write_text(f"#!/bin/sh\n{wrapper}")
    (programs / "helm").chmod(0o755)
    # An answer that is an error is a failure of the command.
    (tmp_path / ".curlrc").write_text("fail-with-body\n")
    yield {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(world.kubeconfig),
        "CURL_HOME": str(tmp_path),
    }
    world.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", f"--timeout={PATIENCE}s")
    install(world)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_s_commands_work(world: World, reader: dict[str, str], page: str) -> None:
    for block in (each for each in _BLOCKS if each.page == page):
        _run(block, reader)
    assert world.get("semanticrouter/semantic-router", "-n", NAMESPACE)["status"]["conditions"]


def _run(block: Block, environment: dict[str, str]) -> None:
    # With job control, as in a reader's shell: `command &` and `kill %1`.
    command = ["bash", "-meu", "-o", "pipefail", "-c", block.text]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, f"{block.page}:{block.line}:\n{done.stdout[-3000:]}"
