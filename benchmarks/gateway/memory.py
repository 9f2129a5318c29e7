"""Memory of a router with its model loaded and 100,000 answers in memory, all in one partition.

`python -m benchmarks.gateway.memory FOLDER ENTRIES` is the process that is measured; it prints its figures as JSON.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import yaml
from benchmarks.gateway.questions import question
from benchmarks.gateway.servers import resident_mb
from prometheus_client import CollectorRegistry

from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.server.serve import start_gateway

# A chat completion of some 150 words.
_ANSWER = json.dumps({"choices": [{"message": {"content": "word " * 150}}], "usage": {"total_tokens": 250}}).encode()


def measure_memory(folder: Path, entries: int) -> dict[str, float]:
    argv = [sys.executable, "-m", "benchmarks.gateway.memory", str(folder), str(entries)]
    figures: dict[str, float] = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    return figures


async def _fill(folder: Path, entries: int) -> dict[str, float]:
    file = folder / "memory.yaml"
    file.write_text(yaml.safe_dump({"semantic_cache": {"backend_type": "memory", "max_entries": entries}}))
    gateway = await start_gateway(load_config(file, {}), CollectorRegistry())
    if gateway.cache is None or gateway.embedder is None:
        raise RuntimeError("the cache is off")
    own = os.getpid()
    figures = {"rss_mb_empty": resident_mb(own)}
    dimension = gateway.embedder.identity.dimension
    chance = np.random.default_rng(7)
    begin = time.perf_counter()
    for number in range(entries):
        vector = chance.standard_normal(dimension, dtype=np.float32)
        await gateway.cache.backend.add_entry(
            "",
            "small",
            question(number),
            b"",
            b'{"id": %d, ' % number + _ANSWER[1:],
            partition="one",
            exact_key=f"{number:064x}",
            embedding=vector / np.linalg.norm(vector),
        )
        if number % 100 == 0:
            await asyncio.sleep(0)
    # The graph over the questions is made beside the requests; until then they are scanned.
    await gateway.cache.backend._view._index.settled()  # type: ignore[attr-defined]
    figures["rss_mb_filled"] = resident_mb(own)
    figures["fill_seconds"] = time.perf_counter() - begin
    figures["entries_held"] = float(gateway.cache.get_stats().total_entries)
    await gateway.close()
    return figures


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_fill(Path(sys.argv[1]), int(sys.argv[2])))))
