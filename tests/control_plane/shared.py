"""One control plane for all pytest-xdist workers of a run, alive as long as one of them holds a connection to it.

The supervisor is a process of its own (`python -m tests.control_plane.shared FOLDER CRD...`). A worker's open
connection is its share: when the last one closes, however the worker ended (Ctrl-C and kill -9 too), everything stops.
"""

import asyncio
import fcntl
import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.control_plane.binaries import find_or_build
from tests.control_plane.server import ControlPlane

FIRST_CONNECTION_SECONDS = 30.0


@dataclass(frozen=True)
class Access:
    """What a test needs to reach the shared control plane."""

    url: str
    kubeconfig: Path
    certificate: Path
    audit_log: Path
    kubectl: Path
    helm: Path


@contextmanager
def shared_control_plane(folder: Path, crds: list[Path]) -> Iterator[Access]:
    """Starts the run's control plane in `folder`, or joins the one that another worker has started."""
    programs = find_or_build(lambda line: print(line, file=sys.stderr, flush=True))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = _connect(folder)
        if connection is None:
            shutil.rmtree(folder, ignore_errors=True)
            _start(folder, crds)
            connection = _connect(folder)
    if connection is None:
        raise RuntimeError(f"The shared control plane went away at once; its logs are in {folder}")
    with connection:
        state = json.loads((folder / "state.json").read_text())
        yield Access(
            url=state["url"],
            kubeconfig=folder / "admin.kubeconfig",
            certificate=folder / "certs" / "apiserver.crt",
            audit_log=folder / "audit.log",
            kubectl=programs["kubectl"],
            helm=programs["helm"],
        )


def _connect(folder: Path) -> socket.socket | None:
    try:
        port = json.loads((folder / "state.json").read_text())["supervisor"]
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        # The greeting proves that it is the supervisor and that it counts this share.
        if connection.recv(5) == b"ready":
            return connection
        connection.close()
    except (OSError, ValueError, KeyError):
        pass
    return None


def _start(folder: Path, crds: list[Path]) -> None:
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.control_plane.shared", str(folder), *map(str, crds)]
    with (folder / "supervisor.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for pytest; this one ends when the connections close
        )
    assert process.stdout is not None
    with process.stdout:
        if process.stdout.readline() != b"ready\n":
            text = (folder / "supervisor.log").read_text(errors="replace")
            raise RuntimeError(f"The test control plane did not start:\n{text[-4000:]}")


async def _serve(control_plane: ControlPlane) -> None:
    shares = 0
    ended = asyncio.Event()
    first = asyncio.get_running_loop().call_later(FIRST_CONNECTION_SECONDS, ended.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal shares
        first.cancel()
        shares += 1
        try:
            writer.write(b"ready")
            await reader.read()
        except ConnectionError:
            pass
        finally:
            shares -= 1
            writer.close()
            if shares == 0:
                ended.set()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    state = control_plane.folder / "state.json"
    state.write_text(json.dumps({"supervisor": port, "url": control_plane.url}))
    print("ready", flush=True)
    await ended.wait()
    state.unlink()
    server.close()


def _main(folder: Path, crds: list[Path]) -> None:
    control_plane = ControlPlane(find_or_build(lambda line: print(line, file=sys.stderr)), folder)
    try:
        control_plane.start(crds)
        asyncio.run(_serve(control_plane))
    finally:
        control_plane.stop()


if __name__ == "__main__":
    _main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
