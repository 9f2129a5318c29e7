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
from pathlib import Path

_CLONE_NEWPID, _CLONE_NEWNET = 0x20000000, 0x40000000
_PR_SET_PDEATHSIG = 1
_SERVER_PORT = 19530
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _enter_new(namespace: int) -> None:
    if _libc.unshare(namespace) != 0:
        reason = os.strerror(ctypes.get_errno())
        sys.exit(f"a real Milvus needs Linux and the right to make network and process namespaces (root): {reason}")


def main() -> None:
    folder, port, arguments = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    _die_with_parent()
    listening = socket.create_server(("127.0.0.1", port))
    _enter_new(_CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # Only now: the first process started after this one is process 1 of the new namespace.
    _enter_new(_CLONE_NEWPID)
    command = [sys.executable, "-c", "import milvus; milvus.main()", "--data", str(folder / "data"), *arguments]
    with (folder / "milvus.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)
    print(listening.getsockname()[1], flush=True)
    try:
        asyncio.run(_serve(listening))
    finally:
        server.kill()
        server.wait()


async def _serve(listening: socket.socket) -> None:
    server = await asyncio.start_server(_accept, sock=listening)
    await server.serve_forever()


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", _SERVER_PORT)
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
