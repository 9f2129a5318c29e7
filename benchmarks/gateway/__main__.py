"""`python -m benchmarks.gateway` measures the router beside its own model server; writes benchmarks/out/gateway.json.

Everything is measured in one run on one machine. The router is one worker. Sections: latency (calls of the model
server directly, then misses without and with the cache, semantic and exact hits), litellm (LiteLLM's proxy with the
same load), memory (with 100,000 entries), streams (10,000 held at a time), soak (mixed load, memory and sockets).
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.gateway import litellm
from benchmarks.gateway.latency import measure_litellm, measure_router
from benchmarks.gateway.memory import measure_memory
from benchmarks.gateway.servers import standin
from benchmarks.gateway.soak import measure_soak
from benchmarks.gateway.streams import allow_files, measure_streams

OUT = Path("benchmarks/out/gateway.json")
SECTIONS = ("latency", "litellm", "memory", "streams", "soak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECTIONS, action="append", help="a section; can be repeated; none: all")
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer requests (latency, litellm)")
    parser.add_argument("--entries", type=int, default=100_000, help="entries of the memory section")
    parser.add_argument("--streams", type=int, default=10_000, help="streams to hold")
    parser.add_argument("--minutes", type=float, default=2.0, help="length of the soak")
    options = parser.parse_args()
    sections = options.only or SECTIONS
    # The figures of sections that are not run now stay.
    figures: dict[str, float] = json.loads(OUT.read_text()) if OUT.exists() and options.only else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with standin(folder) as upstream:
            if "latency" in sections:
                figures |= measure_router(folder, upstream, options.scale)
            if "litellm" in sections:
                figures |= measure_litellm(litellm.installed(), folder, upstream, options.scale)
        if "memory" in sections:
            figures |= measure_memory(folder, options.entries)
        if "streams" in sections:
            allow_files(options.streams)
            with standin(folder) as upstream:
                figures |= measure_streams(folder, upstream, options.streams)
        if "soak" in sections:
            with standin(folder) as upstream:
                figures |= measure_soak(folder, upstream, options.minutes)
    figures["cpus"] = float(os.cpu_count() or 0)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 3) for key, value in figures.items()}, indent=2) + "\n")
    sys.stdout.write(OUT.read_text())


if __name__ == "__main__":
    main()
