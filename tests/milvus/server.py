"""A real Milvus 2.3.5 for the tests: installed once into the user's cache folder, started in its own network."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from tests.control_plane.binaries import cache_folder

ROOT = Path(__file__).parents[2]
# A start takes three seconds; on a machine with much else to do, minutes.
READY_SECONDS = 300.0
_PROBE_SECONDS = 20


def install() -> Path:
    """Return the folder that has the server's package, after installing it where it is not there yet."""
    folder = cache_folder() / "milvus-server-2.3.5"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "milvus-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
            pinned = ROOT / "constraints" / "milvus-server.txt"
            subprocess.run([*pip, "--target", str(fresh), "-r", str(pinned)], check=True)
            fresh.rename(folder)
    return folder


class MilvusServer:
    """One server on one folder; it can be killed and started again on the same data.

    `module` runs it, with the folder, the port and the arguments as its own.
    """

    def __init__(self, folder: Path, *arguments: str, module: str = "tests.milvus.isolated") -> None:
        self._module = module
        self._folder = folder
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self, **client: Any) -> None:
        """Start and wait until a client with these arguments is answered; at a second start, at the same port.

        Raises RuntimeError with the log's end.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, str(self._folder), str(self.port), *self._arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{install()}:{ROOT}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"Milvus did not start: {self._process.communicate()[1]}")
        self.port = int(line)
        scheme = "https" if client.get("secure") else "http"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(MilvusException, OSError):
                address = f"{scheme}://127.0.0.1:{self.port}"
                probe = MilvusClient(uri=address, dedicated=True, timeout=_PROBE_SECONDS, **client)
                try:
                    probe.list_collections(timeout=_PROBE_SECONDS)
                    return
                finally:
                    probe.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
                raise RuntimeError(f"Milvus ended: {self._log()}")
        self.kill()
        raise RuntimeError(f"Milvus was not ready in {READY_SECONDS:g} s: {self._log()}")

    def kill(self) -> None:
        """End the whole server as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _log(self) -> str:
        return (self._folder / "milvus.log").read_text(errors="replace")[-2000:]
