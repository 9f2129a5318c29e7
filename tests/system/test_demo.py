"""The first of the README's two commands, as a newcomer runs it."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("semantic-router"))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEMANTIC_ROUTER_UPSTREAM")}
    api, admin, metrics = map(str, _free_ports(3))
    ports = ["--port", api, "--admin-port", admin, "--metrics-port", metrics]
    return subprocess.run(
        [program, "demo", *ports, *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=150,
    )


def test_the_demo_keeps_every_promise(tmp_path: Path) -> None:
    result = _demo("examples/quickstart.yaml", TMPDIR=str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "9 of 9 answered from the semantic tier" in result.stdout
    assert "0 of 9 answered wrongly from the cache" in result.stdout
    assert "9 of 9 answers survived it" in result.stdout
    assert len(re.findall(r"\bexact\s+1\.000", result.stdout)) == 18
    assert list(tmp_path.iterdir()) == [], "the demo leaves nothing behind"


def test_an_upstream_that_is_not_there_is_named_in_a_sentence(tmp_path: Path) -> None:
    (port,) = _free_ports(1)
    upstream = f"http://127.0.0.1:{port}/v1"
    result = _demo("examples/quickstart.yaml", TMPDIR=str(tmp_path), SEMANTIC_ROUTER_UPSTREAM=upstream)
    assert result.returncode == 1
    assert "The demo stopped: no answer to" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_named_in_a_sentence() -> None:
    result = _demo("examples/nothing.yaml")
    assert result.returncode == 1
    assert "examples/nothing.yaml cannot be read" in result.stderr
