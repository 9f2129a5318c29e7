"""The processes that are measured: starting, waiting, looking at their memory and sockets."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

HOST = "127.0.0.1"
Process = subprocess.Popen[bytes]


@contextmanager
def process(argv: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[Process]:
    with log.open("wb") as output:
        child = subprocess.Popen(argv, stdout=output, stderr=output, env={**os.environ, **(environment or {})})
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(60)


@contextmanager
def standin(folder: Path) -> Iterator[int]:
    """A model server that answers at once; yields its port."""
    port, log = free_port(), folder / "standin.log"
    pace = ["--first-token", "0", "--tokens-per-second", "0"]
    with process([sys.executable, "-m", "semantic_router_proxy.standin", "--port", str(port), *pace], log) as child:
        until_ready(f"http://{HOST}:{port}/healthz", child, log)
        yield port


@contextmanager
def router(folder: Path, upstream: int, name: str, **settings: Any) -> Iterator[tuple[int, Process]]:
    """A router with one provider; yields its port and process."""
    port, log = free_port(), folder / f"{name}.log"
    config = {
        "server": {"port": port, "drain_seconds": 2},
        "admin": {"enabled": False},
        "metrics": {"port": 0},
        "providers": [{"name": "standin", "base_url": f"http://{HOST}:{upstream}/v1"}],
        "models": [{"name": "small", "provider": "standin"}],
        **settings,
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(config))
    with process([sys.executable, "-m", "semantic_router_proxy.cli", "serve", "--config", str(file)], log) as child:
        until_ready(f"http://{HOST}:{port}/readyz", child, log)
        yield port, child


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def until_ready(url: str, child: Process, log: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and child.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of this file
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not become ready:\n{log.read_text()[-2000:]}")


def resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def open_sockets(pid: int) -> int:
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += str(link.readlink()).startswith("socket:")
        except OSError:
            continue
    return count
