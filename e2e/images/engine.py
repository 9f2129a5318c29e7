"""The program that builds and keeps images: docker, or podman with a store of the project's own.

Podman's own store is not touched: what is built lies in the user's cache folder, and what a later build does not use
any more goes with it. Docker sees to its build cache by itself.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.control_plane.binaries import UnavailableError, cache_folder

ROOT = Path(__file__).parents[2]
_CONF = Path(__file__).parent / "containers.conf"
# What `podman build` says of each step, the layer that it made or took from an earlier build.
_LAYER = re.compile(r"^--> (?:Using cache )?([0-9a-f]{11,64})$", re.MULTILINE)


@dataclass(frozen=True)
class Engine:
    """`name` is docker or podman; `options` come before every subcommand."""

    name: str
    options: tuple[str, ...] = ()

    def run(self, *arguments: str) -> str:
        """Standard output. Raises UnavailableError with the end of the engine's words."""
        done = self.call(*arguments)
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
            raise UnavailableError(f"{self.name} {arguments[0]} failed:\n{tail}")
        return done.stdout

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, whatever comes of it."""
        command = [self.name, *self.options, *arguments]
        return subprocess.run(command, cwd=ROOT, env=self._environment(), capture_output=True, text=True)

    @contextmanager
    def saved(self, image: str) -> Iterator[IO[bytes]]:
        """The image as an archive of the format of `docker save`. Raises UnavailableError."""
        form = ["--format", "docker-archive"] if self.name == "podman" else []
        command = [self.name, *self.options, "save", *form, image]
        with subprocess.Popen(command, env=self._environment(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield process.stdout
            process.stdout.close()
            if process.wait() != 0:
                raise UnavailableError(f"{self.name} save {image} failed.")

    def forget_unused(self, words: str) -> None:
        """Removes the layers that none of the builds that said `words` has made or used; podman's store only."""
        if self.name != "podman":
            return
        used = set(_LAYER.findall(words))
        while unused := [
            each
            for each in self.run("images", "--all", "--quiet", "--no-trunc", "--filter=dangling=true").split()
            if not any(each.removeprefix("sha256:").startswith(known) for known in used)
        ]:
            # One that has children has to wait for them.
            removed = [self.call("image", "rm", "--no-prune", each).returncode == 0 for each in unused]
            if not any(removed):
                return

    def release(self) -> None:
        """Undoes the mount that podman keeps of its store."""
        if self.name == "podman":
            subprocess.run(["umount", str(_store() / "overlay")], capture_output=True)

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ}
        if self.name == "podman":
            environment.setdefault("CONTAINERS_CONF", str(_CONF))
        return environment


def find_engine() -> Engine:
    """Docker where its daemon answers, else podman. Raises UnavailableError."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
        return Engine("docker")
    if shutil.which("podman"):
        store = _store()
        folders = {"root": store, "runroot": store / "run", "tmpdir": store / "tmp"}
        return Engine("podman", tuple(f"--{name}={folder}" for name, folder in folders.items()))
    raise UnavailableError("Images are built with docker or podman; install one of them.")


def _store() -> Path:
    return cache_folder() / "images"
