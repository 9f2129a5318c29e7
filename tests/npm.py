"""Node packages for the tests: installed from a committed lock file into the user's cache folder, once."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.control_plane.binaries import cache_folder


class UnavailableError(Exception):
    """The packages cannot be had on this machine; the text says in one sentence what to install."""


def node() -> str:
    """Return the path of Node.js. Raises UnavailableError."""
    program = shutil.which("node")
    if program is None:
        raise UnavailableError("Node.js 20 or newer is needed for these tests, and no 'node' is on PATH: install it.")
    return program


def installed(folder: Path) -> Path:
    """Return the folder that holds node_modules for a folder's package-lock.json. Raises UnavailableError.

    The lock file names versions and digests, no registry: npm asks the one that the machine is set up for.
    """
    node()
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError("npm is needed for these tests, and no 'npm' is on PATH: install it beside Node.js.")
    lock = (folder / "package-lock.json").read_bytes()
    target = cache_folder() / "node" / hashlib.sha256(lock).hexdigest()[:16]
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        done = target / "installed"
        if not done.exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, target)
            run = subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"],
                cwd=target, capture_output=True, text=True, timeout=170,
            )  # fmt: skip
            if run.returncode != 0:
                raise UnavailableError(f"npm ci failed for {folder}: {run.stderr.strip()[-500:]}")
            done.touch()
    return target
