"""Runs a Milvus that keeps its data in a MinIO, both in network and process namespaces of their own.

`python -m tests.third_party.isolated FOLDER PORT MINIO MINIO_PORT`: the executable of MinIO, and the port of 127.0.0.1
at which it is to be reached from outside. Both know each other by the names, ports and passwords that they have when
nobody says otherwise, as `tests.milvus.isolated` tells of the rest.
"""

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

from tests.milvus.isolated import SERVER_PORT, enter_namespaces, forward, milvus_command, start
from tests.third_party.servers import answers

_MINIO_PORT = 9000
# Milvus looks itself up there; among the machine's processes its number is another's, or nobody's.
_OWN_PROC = ("unshare", "--mount-proc")


def main() -> None:
    folder, port, executable, minio_port = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    sockets = {
        SERVER_PORT: socket.create_server(("127.0.0.1", port)),
        _MINIO_PORT: socket.create_server(("127.0.0.1", minio_port)),
    }
    enter_namespaces()
    os.environ |= {"COMMON_STORAGETYPE": "minio", "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"}
    store = [executable, "server", "--quiet", "--address", f"127.0.0.1:{_MINIO_PORT}", str(folder / "minio")]
    processes = [start([*_OWN_PROC, *store], folder / "minio.log")]
    try:
        _wait()
        processes.append(start([*_OWN_PROC, *milvus_command(folder, [])], folder / "milvus.log"))
        print(sockets[SERVER_PORT].getsockname()[1], flush=True)
        asyncio.run(forward(sockets))
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _wait() -> None:
    # The parent looks at the time.
    while not answers(f"http://127.0.0.1:{_MINIO_PORT}/minio/health/ready"):
        time.sleep(0.1)


if __name__ == "__main__":
    main()
