"""Builds the images with docker or podman; the base image comes from its registry, else from Debian's packages."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.control_plane.binaries import UnavailableError, cache_folder, locked

from e2e.clusters.cluster import Report

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PUBLIC_BASE = "docker.io/library/python:3.11-slim-bookworm"
OWN_BASE = "localhost/semantic-router-base:bookworm"
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
_PACKAGES = "python3,python3-venv,ca-certificates"


@dataclass(frozen=True)
class Images:
    """Names of what was built, and the engine (docker, podman) that holds them."""

    engine: str
    router: str = "localhost/semantic-router:e2e"
    operator: str = "localhost/semantic-router-operator:e2e"
    milvus: str = "localhost/milvus-server:e2e"
    client: str = "localhost/semantic-router-client:e2e"


def build(report: Report) -> Images:
    """Builds all images. Raises UnavailableError with the end of the builder's words."""
    images = Images(_engine())
    base = os.environ.get("BASE_IMAGE") or _base(images.engine, report)
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    for tag, arguments in (
        (images.router, ["--target", "router", "-f", "Dockerfile"]),
        (images.operator, ["--target", "operator", "-f", "Dockerfile"]),
        (images.milvus, ["-f", str(HERE / "milvus.Dockerfile")]),
        (images.client, ["-f", str(HERE / "client.Dockerfile")]),
    ):
        report(f"building {tag}")
        options = ["--network=host", *_podman_options()] if images.engine == "podman" else ["--network=host"]
        options += ["--build-arg", f"BASE_IMAGE={base}", "--build-arg", f"REVISION={revision}"]
        _run(images.engine, "build", *options, "-t", tag, *arguments, ".")
    return images


def inspect(images: Images, image: str) -> dict[str, Any]:
    """What the engine tells about an image. Raises UnavailableError."""
    found: list[dict[str, Any]] = json.loads(_run(images.engine, "image", "inspect", image))
    return found[0]


def inside(images: Images, image: str, *command: str) -> str:
    """Standard output of a program of the image, run as its pods run: nothing writable, no network.

    Raises UnavailableError with its words when it fails.
    """
    limits = ["--rm", "--read-only", "--network=none", "--cap-drop=all"]
    return _run(images.engine, "run", *limits, f"--entrypoint={command[0]}", image, *command[1:])


def _engine() -> str:
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
        return "docker"
    if shutil.which("podman"):
        return "podman"
    raise UnavailableError("Images are built with docker or podman; install one of them.")


def _podman_options() -> list[str]:
    """Builds trust whom the machine trusts (a company's proxy, say); what is mounted does not stay in the image."""
    options = ["--pull=never"]
    if TRUST.exists():
        pip = cache_folder() / "build-pip.conf"
        pip.parent.mkdir(parents=True, exist_ok=True)
        pip.write_text(f"[global]\ncert = {TRUST}\n")
        options += [f"--volume={TRUST.parent}:{TRUST.parent}:ro", f"--volume={pip}:/etc/pip.conf:ro"]
    return options


def _base(engine: str, report: Report) -> str:
    for known in (PUBLIC_BASE, OWN_BASE):
        if _call(engine, "image", "inspect", known).returncode == 0:
            return known
    report(f"pulling {PUBLIC_BASE}")
    if _call(engine, "pull", PUBLIC_BASE).returncode == 0:
        return PUBLIC_BASE
    archive = cache_folder() / "base-bookworm.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with locked(archive.with_suffix(".lock")):
        if not archive.exists():
            if shutil.which("mmdebstrap") is None:
                raise UnavailableError(f"{PUBLIC_BASE} cannot be pulled; install mmdebstrap to make a base image.")
            report("no registry is reached: making a base image from Debian's packages")
            fresh = archive.with_name("base-bookworm.new.tar")
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(fresh)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise UnavailableError(f"mmdebstrap failed:\n{done.stderr.strip()[-800:]}")
            fresh.rename(archive)
    _run(engine, "import", str(archive), OWN_BASE)
    return OWN_BASE


def _run(engine: str, *arguments: str) -> str:
    done = _call(engine, *arguments)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise UnavailableError(f"{engine} {arguments[0]} failed:\n{tail}")
    return done.stdout


def _call(engine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ}
    if engine == "podman":
        environment.setdefault("CONTAINERS_CONF", str(HERE / "containers.conf"))
    return subprocess.run([engine, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
