"""Runs the router's command line as containers do, each in a process of its own that is forked from one which has
imported everything: `python -m tests.cluster.containers` reads a line of JSON for each, and writes its exit code.

`hosts` is the cluster's DNS: names that lead to the addresses of pods.
"""

import importlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
# Once, before the containers' processes are forked.
_IMPORTED = ("pymilvus", "semantic_router_proxy.cache.milvus.client", "semantic_router_proxy.embedding.onnx")


@dataclass
class Containers:
    """Start it, run containers, and stop it at the end."""

    _server: "subprocess.Popen[str] | None" = field(default=None, init=False)

    def run(
        self, arguments: list[str], folder: Path, environment: dict[str, str], hosts: dict[str, list[str]]
    ) -> tuple[int, str]:
        """Return the exit code, and what was said on standard error."""
        if self._server is None:
            command = [sys.executable, "-m", "tests.cluster.containers"]
            self._server = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        told = folder / "stderr"
        asked: Json = {"arguments": arguments, "folder": str(folder), "told": str(told)}
        asked |= {"environment": environment, "hosts": hosts}
        print(json.dumps(asked), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline()), told.read_text(errors="replace")

    def stop(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.communicate()


def main() -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    router = importlib.import_module("semantic_router_proxy.cli").main
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_contained(asked, router))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _contained(asked: Json, router: Any) -> int:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **options: Any) -> list[Any]:
        places = asked["hosts"].get(host, [host])
        return [found for place in places for found in real(place, port, *more, **options)]

    socket.getaddrinfo = getaddrinfo
    said = os.open(asked["told"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["semantic-router", *asked["arguments"]]
    try:
        router()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main()
