"""How often the nearest question is found among embedded texts, beside brute force.

The texts are sentences of the docstrings in this environment: real English of one field with many near twins, which
is harder than questions about all the world. Asked are others of them, and some that were changed by a word. A
hundred thousand (BENCH_CACHE_SENTENCES=100000) take some ten minutes to embed; vectors are kept in the user's cache
folder.
"""

import ast
import asyncio
import hashlib
import os
import random
import re
import sysconfig
import warnings
from pathlib import Path

import numpy as np
from benchmarks.cache.report import Report, table
from numpy.typing import NDArray

from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.memory import graph_settings
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.factory import make_embedder

STORED = 20_000
ASKED = 1000
# float32 sums differ in their last digits; twins are as good as each other.
_TOLERANCE = 1e-5
_SIMILAR = 0.8
_BATCH = 32


def measure() -> Report:
    return asyncio.run(_measure())


async def _measure() -> Report:
    count = int(os.environ.get("BENCH_CACHE_SENTENCES", STORED))
    texts = _sentences(count + ASKED)
    stored, others = texts[:-ASKED], texts[-ASKED:]
    chance = random.Random(7)
    changed = [_changed(text, chance) for text in chance.sample(stored, ASKED)]
    vectors = await _embedded([*stored, *others, *changed])
    index = PartitionedIndex(vectors.shape[1], graph_settings(SemanticCacheConfig()))
    held = vectors[: len(stored)]
    for number, vector in enumerate(held):
        index.add("p", number, vector)
    await index.settled()
    shown = table(f"recall@1 among {len(stored):,} sentences", "asked", "recall@1", "of those at 0.8 or more")
    figures: dict[str, float] = {"recall_sentences": len(stored)}
    for name, asked in (("others", vectors[-2 * ASKED : -ASKED]), ("changed", vectors[-ASKED:])):
        best = np.max(held @ asked.T, axis=0)
        found = np.array([index.search("p", vector, 10)[0][1] for vector in asked]) >= best - _TOLERANCE
        figures[f"recall_{name}_at_1"] = float(np.mean(found))
        figures[f"recall_{name}_similar_at_1"] = float(np.mean(found[best >= _SIMILAR]))
        shown.add_row(name, *(f"{figures[f'recall_{name}{part}_at_1']:.4f}" for part in ("", "_similar")))
    await index.close()
    return Report(figures, (shown,))


def _sentences(count: int) -> list[str]:
    """Return that many sentences of docstrings, in an order that does not follow their modules."""
    found: set[str] = set()
    warnings.simplefilter("ignore")
    for folder in dict.fromkeys(sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib")):
        for file in Path(folder).rglob("*.py"):
            try:
                tree = ast.parse(file.read_text(errors="ignore"))
            except (SyntaxError, ValueError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    found.update(_of_docstring(ast.get_docstring(node) or ""))
    if len(found) < count:
        raise RuntimeError(f"there are {len(found)} sentences in this environment's docstrings, not {count}")
    return sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest())[:count]


def _of_docstring(text: str) -> list[str]:
    sentences = (" ".join(part.split()) for part in re.split(r"(?<=[.?!])\s+|\n\s*\n", text))
    return [each for each in sentences if 25 <= len(each) <= 160 and each.count(" ") >= 4 and ">>>" not in each]


def _changed(text: str, chance: random.Random) -> str:
    """Return the text with a word left out, words before it, or two words exchanged."""
    words = text.lower().split()
    place = chance.randrange(len(words) - 1)
    match chance.randrange(3):
        case 0:
            del words[place]
        case 1:
            words[:0] = ["please", "tell", "me:"]
        case _:
            words[place], words[place + 1] = words[place + 1], words[place]
    return " ".join(words)


async def _embedded(texts: list[str]) -> NDArray[np.float32]:
    """Return the texts' vectors, from the cache folder where they have been made before."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "semantic-router"
    file = cache / f"sentences-{hashlib.sha256(repr(texts).encode()).hexdigest()[:12]}.npy"
    if file.exists():
        kept: NDArray[np.float32] = np.load(file)
        return kept
    embedder = await make_embedder(EmbeddingConfig())
    vectors = np.empty((len(texts), embedder.identity.dimension), dtype=np.float32)
    # Texts of like length together: a batch is as long as its longest.
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    for start in range(0, len(order), _BATCH):
        numbers = order[start : start + _BATCH]
        vectors[numbers] = await embedder.embed([texts[number] for number in numbers])
    await embedder.close()
    cache.mkdir(parents=True, exist_ok=True)
    np.save(file, vectors)
    return vectors
