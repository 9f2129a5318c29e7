"""Runs a Milvus server in network and process namespaces of its own: `python -m tests.milvus.isolated FOLDER PORT ...`.

The server binds all interfaces and fixed ports, so it must not share the machine's network. This process listens on
127.0.0.1 of the machine first (PORT 0: any) and enters the new network after: a socket stays where it was made, so
what is accepted outside is passed on to the server inside. It prints its port. The server is process 1 of its
namespace: when this process ends, however it ends, the kernel kills all of the server.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWPID, _CLONE_NEWNET = 0x20000, 0x20000000, 0x40000000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_PR_SET_PDEATHSIG = 1
SERVER_PORT = 19530
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _begin_server() -> None:
    """In the server's process: with a /proc that shows its own namespace. Milvus looks there how much memory it uses
    before it loads a segment that was flushed, and else does not load it."""
    _die_with_parent()
    if _libc.unshare(_CLONE_NEWNS) == 0:
        _libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
        _libc.mount(b"proc", b"/proc", b"proc", 0, None)


def _enter_new(namespace: int) -> None:
    if _libc.unshare(namespace) != 0:
        reason = os.strerror(ctypes.get_errno())
        sys.exit(f"a real Milvus needs Linux and the right to make network and process namespaces (root): {reason}")


def main() -> None:
    folder, port, arguments = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    listening = socket.create_server(("127.0.0.1", port))
    enter_namespaces()
    server = start(milvus_command(folder, arguments), folder / "milvus.log")
    print(listening.getsockname()[1], flush=True)
    try:
        asyncio.run(forward({SERVER_PORT: listening}))
    finally:
        server.kill()
        server.wait()


def enter_namespaces() -> None:
    """Go into a new network, and let what is started from now on go into a new process namespace."""
    _die_with_parent()
    _enter_new(_CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # Only now: the first process started after this one is process 1 of the new namespace.
    _enter_new(_CLONE_NEWPID)


def milvus_command(folder: Path, arguments: list[str]) -> list[str]:
    """Return what starts the server on `folder`/data."""
    return [sys.executable, "-c", "import milvus; milvus.main()", "--data", str(folder / "data"), *arguments]


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process that ends with this one."""
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, preexec_fn=_begin_server)


async def forward(ports: dict[int, socket.socket]) -> None:
    """Pass on what comes in at each socket to its port inside, for ever."""
    servers = [await asyncio.start_server(partial(_accept, port), sock=each) for port, each in ports.items()]
    await asyncio.gather(*(each.serve_forever() for each in servers))


async def _accept(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


if __name__ == "__main__":
    main()
