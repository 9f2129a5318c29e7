"""`kubectl semantic-router` as its users run it: the real program."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "kubectl-semantic_router"


def run(kubeconfig: Path, *words: str, answer: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; `answer` is what is typed."""
    command = [str(PROGRAM), *words, f"--kubeconfig={kubeconfig}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, input=answer)


def examine(kubeconfig: Path, namespace: str, name: str = "semantic-router") -> tuple[int, dict[str, Any]]:
    """The doctor's exit code and its report."""
    done = run(kubeconfig, "doctor", name, "-n", namespace, "-o", "json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def reasons(kubeconfig: Path, namespace: str, name: str = "semantic-router") -> set[str]:
    """The reasons of all findings."""
    return {each["reason"] for each in examine(kubeconfig, namespace, name)[1]["findings"]}
