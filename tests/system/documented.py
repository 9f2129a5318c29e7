"""Runs the documents' commands as readers do: `python -m tests.system.documented FOLDER`, in namespaces of its own
(`unshare --net --mount --pid --fork --kill-child`), so that ports and addresses are the documents' own.

The project's folder is a folder of links, so that what commands write does not land in it. A model server listens on
localhost:8000; the document that says how a router is started starts it; then every other block runs, in order.
Prints a JSON line for each block: page, line, exit code, output.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.documents import ROOT, Block, commands

READY_SECONDS = 120.0
_LEFT_OUT = {".git", "data", "build", "dist"}


def main(folder: Path) -> None:
    """Runs all blocks that are marked serve or run."""
    project = folder / "project"
    project.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in _LEFT_OUT:
            (project / entry.name).symlink_to(entry)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SEMANTIC_ROUTER_DATA_DIR": str(folder / "data"),
        # An answer that is an error is a failure of the command.
        "CURL_HOME": str(folder),
    }
    (folder / "data").mkdir()
    (folder / ".curlrc").write_text("fail-with-body\n")
    _start(
        folder,
        project,
        environment,
        "model",
        "exec python3 -m semantic_router_proxy.standin --port 8000 --first-token 0",
    )
    marked = commands()
    (serve,) = [block for block in marked if block.kind == "serve"]
    router = _start(folder, project, environment, "router", serve.text)
    deadline = time.monotonic() + READY_SECONDS
    while not _ready():
        if router.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{serve.page}:{serve.line} did not start a router: {(folder / 'router.log').read_text()[-3000:]}")
        time.sleep(0.1)
    for block in marked:
        if block.kind == "run":
            _run(block, project, environment)


def _run(block: Block, project: Path, environment: dict[str, str]) -> None:
    command = ["bash", "-eu", "-o", "pipefail", "-c", block.text]
    done = subprocess.run(
        command,
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    told = {"page": block.page, "line": block.line, "code": done.returncode, "output": done.stdout[-3000:]}
    print(json.dumps(told), flush=True)


def _start(
    folder: Path, project: Path, environment: dict[str, str], name: str, script: str
) -> "subprocess.Popen[bytes]":
    with (folder / f"{name}.log").open("wb") as log:
        command = ["bash", "-eu", "-o", "pipefail", "-c", script]
        return subprocess.Popen(command, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _ready() -> bool:
    for address in ("http://localhost:8000/v1/models", "http://localhost:8801/readyz"):
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310
        except (urllib.error.URLError, OSError):
            return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
