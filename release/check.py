"""What has to hold before a release: `make release-check`. Prints every problem and exits with 1 where there is one.

The version stands in router/semantic_router_proxy/version.py; what repeats it is compared with it here.
"""

import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from release import licences

ROOT = Path(__file__).parents[1]
VERSION_FILE = ROOT / "router" / "semantic_router_proxy" / "version.py"
REGISTRY = "ghcr.io/semantic-router/"
# Each pattern's only group is a version.
REPEATED = {
    "helm/semantic-router-operator/Chart.yaml": (r"^version: (\S+)$", r"^appVersion: (\S+)$"),
    "manifests/operator/deployment.yaml": (
        rf"{REGISTRY}semantic-router-operator:(\S+)",
        rf"{REGISTRY}semantic-router:(\S+)",
    ),
    "Dockerfile": (r"^ARG VERSION=(\S+)$",),
    "docker-compose.yaml": (r"semantic-router:(\S+)$",),
}


def version() -> str:
    """The version that the code states. Raises ValueError."""
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+\S*)"$', VERSION_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{VERSION_FILE} states no version")
    return found[1]


def versions(wanted: str) -> Iterator[str]:
    """Places that state another version, or none."""
    for name, patterns in REPEATED.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        for pattern in patterns:
            stated = re.findall(pattern, text, re.MULTILINE)
            if not stated:
                yield f"{name}: no version where one was expected ({pattern})"
            yield from (f"{name}: states {each}, the version is {wanted}" for each in stated if each != wanted)


def changelog(wanted: str) -> Iterator[str]:
    """What is missing in CHANGELOG.md."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\S+).*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    if not sections.get(wanted, "").strip():
        yield f"CHANGELOG.md: no section `## {wanted} (DATE)` with what is new"
    if sections.get("Unreleased", "").strip():
        yield f"CHANGELOG.md: lines are left under Unreleased; move them to {wanted}"


def tree(_: str) -> Iterator[str]:
    """Files that are not committed."""
    done = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    yield from (f"not committed: {line[3:]}" for line in done.stdout.splitlines())


def generated(_: str) -> Iterator[str]:
    """Generated files that are not what the code makes."""
    done = subprocess.run([sys.executable, "-m", "tests.drift"], cwd=ROOT, capture_output=True, text=True)
    yield from done.stderr.splitlines()
    try:
        if licences.PAGE.read_text(encoding="utf-8") != licences.page():
            yield "docs/licences.md is not what is installed: run `python -m release.licences --write`"
    except licences.LicenceError as error:
        yield from str(error).splitlines()


def packages(wanted: str) -> Iterator[str]:
    """Wheel and sdist are built, and each is installed into an empty environment where its commands answer."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        done = _run(sys.executable, "-m", "hatchling", "build", "--directory", str(folder))
        if done.returncode != 0:
            yield f"wheel and sdist cannot be built: {done.stderr.strip()[-500:]}"
            return
        for archive in sorted(folder.iterdir()):
            yield from _installs(archive, folder / f"venv-{archive.suffix[1:]}", wanted)


def _installs(archive: Path, environment: Path, wanted: str) -> Iterator[str]:
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    for arguments in (
        ["--require-hashes", "-r", "constraints/build.txt"],
        ["--require-hashes", "--no-build-isolation", "-r", "constraints/router.txt", "-r", "constraints/operator.txt"],
        ["--no-build-isolation", "--no-deps", "--no-index", str(archive)],
    ):
        done = _run(*pip, *arguments)
        if done.returncode != 0:
            yield f"{archive.name} cannot be installed: {done.stderr.strip()[-500:]}"
            return
    for command in (["semantic-router", "--version"], ["semantic-router-operator", "--help"]):
        done = _run(str(environment / "bin" / command[0]), *command[1:])
        if done.returncode != 0:
            yield f"{archive.name}: {' '.join(command)} fails: {(done.stdout + done.stderr).strip()[-500:]}"
    stated = _run(str(environment / "bin" / "semantic-router"), "--version").stdout.strip()
    if stated != wanted:
        yield f"{archive.name} says that it is {stated}, the version is {wanted}"


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


CHECKS: tuple[Callable[[str], Iterator[str]], ...] = (versions, changelog, tree, generated, packages)


def main() -> int:
    """Returns the exit status."""
    wanted, failed = version(), False
    print(f"version {wanted}")
    for check in CHECKS:
        problems = list(check(wanted))
        print(f"{'FAILED' if problems else 'ok    '} {check.__name__}", flush=True)
        for problem in problems:
            print(f"       {problem}", flush=True)
        failed = failed or bool(problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
