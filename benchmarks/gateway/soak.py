"""A long mixed load: whatever leaks, shows as memory that grows or as sockets that stay."""

import asyncio
import random
import time
from pathlib import Path

import numpy as np
from benchmarks.gateway.latency import warm_up
from benchmarks.gateway.load import request_bytes
from benchmarks.gateway.questions import CHAT, body, question
from benchmarks.gateway.servers import HOST, Process, open_sockets, resident_mb, router

_CLIENTS = 8
_PAUSE_SECONDS = 0.02
_SAMPLE_SECONDS = 2.0
# Full before the measured half begins, so that what the cache may keep is not taken for a leak.
_ENTRIES = 500
# More than are kept, so that entries come and go; few enough that what is remembered about each is full early, too.
_QUESTIONS = 2000
# Idle connections to the model server are kept for 30 s, and looked at as often: what is open later, has leaked.
_IDLE_SECONDS = 75.0


def measure_soak(folder: Path, upstream: int, minutes: float) -> dict[str, float]:
    """Return the slope of the memory over the second half in MB an hour, and the sockets that are left at the end."""
    models = [
        {"name": "small", "provider": "standin"},
        {"name": "broken", "provider": "standin", "upstream_name": "x-status-500"},
        {"name": "cut", "provider": "standin", "upstream_name": "x-cut"},
    ]
    cache = {"backend_type": "memory", "max_entries": _ENTRIES}
    with router(folder, upstream, "soak", models=models, semantic_cache=cache, log={"requests": False}) as (
        port,
        child,
    ):
        sockets_before = open_sockets(child.pid)
        warm_up(port)
        samples, requests = asyncio.run(_soak(port, child, minutes * 60))
        end = time.monotonic() + _IDLE_SECONDS
        while open_sockets(child.pid) > sockets_before and time.monotonic() < end:
            time.sleep(0.2)
        half = samples[len(samples) // 2 :]
        slope = float(np.polyfit([at for at, _ in half], [mb for _, mb in half], 1)[0]) * 3600
        return {
            "soak_minutes": minutes,
            "soak_requests": float(requests),
            "soak_rss_begin_mb": half[0][1],
            "soak_rss_end_mb": half[-1][1],
            "soak_rss_mb_an_hour": slope,
            "soak_sockets_left": float(max(0, open_sockets(child.pid) - sockets_before)),
        }


async def _soak(port: int, child: Process, seconds: float) -> tuple[list[tuple[float, float]], int]:
    begin = time.monotonic()
    samples: list[tuple[float, float]] = []
    count = 0

    async def client(number: int) -> None:
        nonlocal count
        chance = random.Random(number)
        while time.monotonic() - begin < seconds:
            count += 1
            await _one_request(port, chance)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def sample() -> None:
        while time.monotonic() - begin < seconds:
            await asyncio.sleep(_SAMPLE_SECONDS)
            samples.append((time.monotonic() - begin, resident_mb(child.pid)))
            if child.poll() is not None:
                raise SystemExit("the router ended during the soak")

    await asyncio.gather(sample(), *(client(number) for number in range(_CLIENTS)))
    return samples, count


async def _one_request(port: int, chance: random.Random) -> None:
    """A hit, a miss, a stream, an error, a cut stream, or a client that leaves in the middle."""
    kind = chance.random()
    model = "broken" if kind < 0.05 else "cut" if kind < 0.1 else "auto"
    text = question(chance.randrange(40) if kind > 0.4 else chance.randrange(_QUESTIONS))
    reader, writer = await asyncio.open_connection(HOST, port)
    stream = kind < 0.1 or chance.random() < 0.5
    headers = (("connection", "close"),)
    writer.write(request_bytes(HOST, port, CHAT, body(text, model, stream=stream), headers))
    if chance.random() < 0.1:
        await asyncio.sleep(chance.random() * 0.01)
    else:
        await reader.read()
    writer.close()
