"""What routers talk to, as processes of their own: a Milvus for several clients, and a model server."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.control_plane.server import free_ports


@contextlib.contextmanager
def milvus_lite(folder: Path) -> Iterator[int]:
    """The port of a Milvus Lite that serves several clients."""
    (port,) = free_ports(1)
    program = str(Path(sys.executable).with_name("milvus-lite"))
    command = [program, "server", "--data-dir", str(folder / "milvus"), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "milvus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    with _running(process, port):
        yield port


@contextlib.contextmanager
def standin() -> Iterator[str]:
    """The address of a stand-in model server."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "semantic_router_proxy.standin", "--host=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen([*command, "--model=small", "--first-token=0"], stdout=subprocess.DEVNULL)
    with _running(process, port):
        yield f"http://127.0.0.1:{port}/v1"


@contextlib.contextmanager
def _running(process: "subprocess.Popen[bytes]", port: int) -> Iterator[None]:
    from tests.cluster.conftest import eventually

    try:
        eventually(lambda: _listens(port, process), 60)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
