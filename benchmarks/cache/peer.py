"""GPTCache's lookup path from its wheel, in an environment of its own in the user's cache folder.

It gets the same vectors, its default stores (SQLite and faiss), large enough for all of them, and its default
evaluation; nothing is embedded.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.environment import programs_of
from numpy.typing import NDArray

PINS = Path(__file__).with_name("gptcache.txt")
PROGRAM = Path(__file__).with_name("gptcache_lookup.py")


def look_up(stored: NDArray[np.float32], asked: NDArray[np.float32], nearest: NDArray[np.int64]) -> dict[str, float]:
    """Return `p50_ms` of a lookup and `recall_at_1`: how often the answer of the nearest stored vector came back."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "vectors.npz", stored=stored, asked=asked, nearest=nearest)
        done = subprocess.run(
            [str(programs_of("GPTCache", PINS) / "python"), str(PROGRAM), folder],
            check=True,
            stdout=subprocess.PIPE,
            cwd=folder,
            text=True,
        )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures
