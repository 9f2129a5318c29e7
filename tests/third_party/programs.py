"""Builds the programs of others from their Go modules into the user's cache folder, a folder for what pins them."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.control_plane.binaries import GoProgram, UnavailableError, build, cache_folder, find_go, locked

_MODULES = Path(__file__).parent / "modules"
_OPERATOR = "github.com/zilliztech/milvus-operator"
MILVUS_OPERATOR = "1.3.7"


@dataclass(frozen=True)
class ThirdParty:
    """`assets`: folders of the module that the program, or a cluster that runs it, reads."""

    program: GoProgram
    assets: tuple[str, ...] = ()


PROGRAMS = {
    "milvus-operator": ThirdParty(
        GoProgram(
            _MODULES / "milvus-operator",
            _OPERATOR,
            f"-s -w -X {_OPERATOR}/apis/milvus.io/v1beta1.Version={MILVUS_OPERATOR}",
        ),
        assets=("config/assets/templates", "config/crd/bases"),
    ),
    "minio": ThirdParty(GoProgram(_MODULES / "minio", "github.com/minio/minio")),
}


def find_or_build(name: str, report: Callable[[str], None]) -> Path:
    """Return the folder with the executable, called as the program is, and its assets. Raises UnavailableError."""
    known = PROGRAMS[name]
    module = known.program.module
    pins = b"".join((module / file).read_bytes() for file in ("go.mod", "go.sum")) + known.program.flags.encode()
    folder = cache_folder() / "third-party" / f"{name}-{hashlib.sha256(pins).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent / f"{name}.lock"):
        if not os.access(folder / name, os.X_OK):
            go = find_go(report)
            report(f"building {name} (once; minutes on a cold machine)")
            _copy_assets(go, known, folder / "assets")
            build(go, known.program, folder / name)
    return folder


def _copy_assets(go: Path, known: ThirdParty, target: Path) -> None:
    program = known.program
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    for command in (["mod", "download", program.package], ["list", "-m", "-f", "{{.Dir}}", program.package]):
        done = subprocess.run([str(go), *command], cwd=program.module, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise UnavailableError(f"{program.package} could not be had:\n{done.stderr.strip()[-1000:]}")
    shutil.rmtree(target, ignore_errors=True)
    for each in known.assets:
        shutil.copytree(Path(done.stdout.strip()) / each, target / each)
    # The module cache is read-only, and so is a copy of it.
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
