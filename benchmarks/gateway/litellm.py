"""LiteLLM's proxy from its wheel, in an environment of its own in the user's cache folder."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("litellm.txt")


def installed() -> Path:
    """Return the proxy's program, installing the pinned versions the first time (a minute or two)."""
    digest = hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "semantic-router"
    folder = cache / f"litellm-{digest}"
    done = folder / "installed"
    if not done.exists():
        sys.stderr.write(f"Installing LiteLLM into {folder}\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(PINS)], check=True)
        done.touch()
    return folder / "bin" / "litellm"
