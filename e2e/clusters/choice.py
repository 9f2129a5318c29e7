"""Which cluster the tests run on, and what is missing where none can be had."""

import os
import shutil
import subprocess

from tests.control_plane.binaries import UnavailableError

from e2e.clusters.node import requirements

KINDS = ("kind", "node", "existing")


def choose() -> str:
    """What E2E_CLUSTER names, else the first of KINDS that this machine can do.

    Raises UnavailableError with what each of them needs.
    """
    named = os.environ.get("E2E_CLUSTER")
    if named:
        if named not in KINDS:
            raise UnavailableError(f"E2E_CLUSTER is {named!r}; it may be {', '.join(KINDS)}.")
        return named
    missing = {"kind": _kind_needs(), "node": requirements.missing(), "existing": _existing_needs()}
    for kind in KINDS:
        if not missing[kind]:
            return kind
    ways = {"kind": "kind", "node": "A node without Docker", "existing": "A cluster that exists"}
    told = "\n".join(f"  {ways[kind]} needs {' and '.join(missing[kind])}." for kind in KINDS)
    raise UnavailableError(f"The end-to-end tests cannot run here:\n{told}")


def existing() -> tuple[str, str]:
    """KUBECONFIG and E2E_REGISTRY. Raises UnavailableError."""
    if needs := _existing_needs():
        raise UnavailableError(f"A cluster that exists needs {' and '.join(needs)}.")
    return os.environ["KUBECONFIG"], os.environ["E2E_REGISTRY"]


def _kind_needs() -> list[str]:
    needs = [] if shutil.which("kind") else ["the program kind"]
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
        needs.append("a Docker daemon that answers")
    return needs


def _existing_needs() -> list[str]:
    given = {"KUBECONFIG": "", "E2E_REGISTRY": " (where its nodes pull images from)"}
    return [f"{name}{what}" for name, what in given.items() if not os.environ.get(name)]
