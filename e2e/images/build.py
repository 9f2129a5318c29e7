"""Builds the images; the base image comes from its registry, else from Debian's packages."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.control_plane.binaries import UnavailableError, cache_folder, locked

from e2e.clusters.cluster import Report
from e2e.images.engine import Engine, find_engine

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PUBLIC_BASE = "docker.io/library/python:3.11-slim-bookworm"
OWN_BASE = "localhost/semantic-router-base:bookworm"
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
_PACKAGES = "python3,python3-venv,ca-certificates"


@dataclass(frozen=True)
class Images:
    """Names of what was built, and the engine that holds them."""

    engine: Engine
    router: str = "localhost/semantic-router:e2e"
    operator: str = "localhost/semantic-router-operator:e2e"
    # The tag is the version, as it is of Milvus' own images: readiness compares them.
    milvus: str = "localhost/milvus-server:v2.3.5"
    client: str = "localhost/semantic-router-client:e2e"


def build(report: Report) -> Images:
    """Builds all images. Raises UnavailableError with the end of the builder's words."""
    images = Images(find_engine())
    base = _base(images.engine, report)
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    options = ["--network=host", *(_podman_options() if images.engine.name == "podman" else [])]
    options += ["--build-arg", f"BASE_IMAGE={base}", "--build-arg", f"REVISION={revision}"]
    words = ""
    for tag, arguments in (
        (images.router, ["--target", "router", "-f", "Dockerfile"]),
        (images.operator, ["--target", "operator", "-f", "Dockerfile"]),
        (images.milvus, ["-f", str(HERE / "milvus.Dockerfile")]),
        (images.client, ["-f", str(HERE / "client.Dockerfile")]),
    ):
        report(f"building {tag}")
        words += images.engine.run("build", *options, "-t", tag, *arguments, ".")
    images.engine.forget_unused(words)
    return images


def inspect(images: Images, image: str) -> dict[str, Any]:
    """What the engine tells about an image. Raises UnavailableError."""
    found: list[dict[str, Any]] = json.loads(images.engine.run("image", "inspect", image))
    return found[0]


def inside(images: Images, image: str, *command: str) -> str:
    """Standard output of a program of the image, run as its pods run: nothing writable, no network.

    Raises UnavailableError with its words when it fails.
    """
    limits = ["--rm", "--read-only", "--network=none", "--cap-drop=all"]
    return images.engine.run("run", *limits, f"--entrypoint={command[0]}", image, *command[1:])


def _podman_options() -> list[str]:
    """Builds trust whom the machine trusts (a company's proxy, say); what is mounted does not stay in the image."""
    options = ["--pull=never"]
    if TRUST.exists():
        pip = cache_folder() / "build-pip.conf"
        pip.parent.mkdir(parents=True, exist_ok=True)
        pip.write_text(f"[global]\ncert = {TRUST}\n")
        options += [f"--volume={TRUST.parent}:{TRUST.parent}:ro", f"--volume={pip}:/etc/pip.conf:ro"]
    return options


def _base(engine: Engine, report: Report) -> str:
    """The name of the base image, which is there: of BASE_IMAGE, else the public one, else one made of packages."""
    wanted = os.environ.get("BASE_IMAGE")
    for known in (wanted,) if wanted else (PUBLIC_BASE, OWN_BASE):
        if engine.call("image", "inspect", known).returncode == 0:
            return known
    public = wanted or PUBLIC_BASE
    report(f"pulling {public}")
    if (pulled := engine.call("pull", public)).returncode == 0:
        return public
    if wanted:
        raise UnavailableError(f"BASE_IMAGE {wanted} cannot be pulled:\n{pulled.stderr.strip()[-800:]}")
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
    engine.run("import", str(archive), OWN_BASE)
    return OWN_BASE
