"""Runs in GPTCache's environment: stores the vectors, looks the others up, prints one line of JSON."""

import json
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
from gptcache import Cache
from gptcache.adapter.api import get
from gptcache.manager import manager_factory
from gptcache.similarity_evaluation.distance import SearchDistanceEvaluation

_FIRST = 20
_STEP = 1000


def main() -> None:
    folder = Path(sys.argv[1])
    vectors = np.load(folder / "vectors.npz")
    stored, asked, nearest = vectors["stored"], vectors["asked"], vectors["nearest"]
    # Its default keeps 1,000 entries; the comparison is with all of them there.
    manager = manager_factory(
        "sqlite,faiss",
        data_dir=str(folder),
        eviction_params={"max_size": 2 * len(stored)},
        vector_params={"dimension": stored.shape[1]},
    )
    for start in range(0, len(stored), _STEP):
        numbers = range(start, min(start + _STEP, len(stored)))
        questions, answers = ([f"{kind} {number}" for number in numbers] for kind in ("question", "answer"))
        manager.import_data(questions, answers, list(stored[start : start + _STEP]), [None] * len(numbers))
    if manager.s.count() != len(stored):
        sys.exit(f"GPTCache holds {manager.s.count()} of {len(stored)} entries: there is nothing to compare")
    cache = Cache()
    cache.init(
        # A question is known by its number; its vector is given.
        embedding_func=lambda prompt, **_: asked[int(prompt)],
        pre_embedding_func=lambda data, **_: data["prompt"],
        data_manager=manager,
        similarity_evaluation=SearchDistanceEvaluation(),
    )
    taken, right = [], 0
    for number in range(len(asked)):
        begin = time.perf_counter()
        answer = get(str(number), cache_obj=cache)
        taken.append(time.perf_counter() - begin)
        right += answer == f"answer {nearest[number]}"
    print(json.dumps({"p50_ms": median(taken[_FIRST:]) * 1000, "recall_at_1": right / len(asked)}))


if __name__ == "__main__":
    main()
