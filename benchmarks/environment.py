"""Competitors run from their wheels, each in an environment of its own in the user's cache folder."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path


def programs_of(name: str, pins: Path) -> Path:
    """Return the folder of a competitor's programs, installing the pinned versions the first time (a minute or two)."""
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "semantic-router"
    folder = cache / f"{name.lower()}-{digest}"
    done = folder / "installed"
    if not done.exists():
        sys.stderr.write(f"Installing {name} into {folder}\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(pins)], check=True)
        done.touch()
    return folder / "bin"
