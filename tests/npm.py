"""Node packages for the tests: installed from a committed lock file into the user's cache folder, once."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.control_plane.binaries import cache_folder

OLDEST_NODE = 20
CONSTRAINTS = Path(__file__).parents[1] / "constraints" / "node.txt"


class UnavailableError(Exception):
    """The packages cannot be had on this machine; the text says in one sentence what to install."""


def node() -> str:
    """Return the path of Node.js: the machine's where it is new enough and has npm, else that of the PyPI wheel.

    Raises UnavailableError.
    """
    machine = shutil.which("node")
    if machine is not None and shutil.which("npm") is not None and _major(machine) >= OLDEST_NODE:
        return machine
    folder = cache_folder() / "nodejs"
    with _locked(folder):
        wheel = folder / "bin" / "node"
        if not wheel.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            install = [str(folder / "bin" / "pip"), "install", "--quiet", "--require-hashes", "-r", str(CONSTRAINTS)]
            if subprocess.run(install).returncode != 0 or not wheel.exists():
                raise UnavailableError(
                    f"Node.js {OLDEST_NODE} or newer and npm are needed for these tests: install them."
                )
    return str(wheel)


def _major(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip().removeprefix("v")
    major = told.partition(".")[0]
    return int(major) if major.isdigit() else 0


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def installed(folder: Path) -> Path:
    """Return the folder that holds node_modules for a folder's package-lock.json. Raises UnavailableError.

    The lock file names versions and digests, no registry: npm asks the one that the machine is set up for.
    """
    program = Path(node())
    # The two belong together: npm's first line asks PATH for its Node.js.
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    lock = (folder / "package-lock.json").read_bytes()
    target = cache_folder() / "npm" / hashlib.sha256(lock).hexdigest()[:16]
    with _locked(target):
        done = target / "installed"
        if not done.exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, target)
            run = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"],
                cwd=target, env=environment, capture_output=True, text=True, timeout=170,
            )  # fmt: skip
            if run.returncode != 0:
                raise UnavailableError(f"npm ci failed for {folder}: {run.stderr.strip()[-500:]}")
            done.touch()
    return target
