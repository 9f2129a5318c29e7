"""Ten thousand streams that wait for their next word, held at the same time.

Every two clients ask the same, so that they share a call to the model server and the router's open files stay below
20,000, which is what many machines allow.
"""

import asyncio
import resource
import time
from pathlib import Path

from benchmarks.gateway.latency import ask, warm_up
from benchmarks.gateway.load import request_bytes
from benchmarks.gateway.questions import CHAT, body, question
from benchmarks.gateway.servers import HOST, open_sockets, resident_mb, router

_AT_A_TIME = 200
_CLIENTS_A_CALL = 2
_SPARE_FILES = 1000


def measure_streams(folder: Path, upstream: int, streams: int) -> dict[str, float]:
    """Open the streams, ask something else meanwhile, and close them. Raises SystemExit where one is not held."""
    models = [{"name": "holding", "provider": "standin", "upstream_name": "small-hold"}]
    models.append({"name": "small", "provider": "standin"})
    with router(folder, upstream, "streams", models=models, default_model="small") as (port, child):
        warm_up(port)
        before = resident_mb(child.pid)
        sockets_before = open_sockets(child.pid)
        figures = asyncio.run(_hold(port, child.pid, streams))
        figures["stream_kb"] = (figures["streams_rss_mb"] - before) * 1024 / streams
        end = time.monotonic() + 30
        while open_sockets(child.pid) > sockets_before + 10 and time.monotonic() < end:
            time.sleep(0.1)
        figures["sockets_left_after_streams"] = float(max(0, open_sockets(child.pid) - sockets_before))
    return figures


def allow_files(streams: int) -> None:
    """Let this process and its children open as many files as the streams need. Raises SystemExit where it may not."""
    needed = streams + streams // _CLIENTS_A_CALL + _SPARE_FILES
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(hard, needed)))
    except (OSError, ValueError):
        raise SystemExit(f"{needed} open files are needed; the limit is {hard} (ulimit -Hn)") from None


async def _hold(port: int, pid: int, streams: int) -> dict[str, float]:
    gate = asyncio.Semaphore(_AT_A_TIME)
    writers: list[asyncio.StreamWriter] = []

    async def open_one(number: int) -> asyncio.StreamReader:
        async with gate:
            reader, writer = await asyncio.open_connection(HOST, port)
            writers.append(writer)
            # With a seed only the very same request is alike: no question is embedded.
            asked = body(question(number // _CLIENTS_A_CALL), "holding", stream=True, seed=1)
            writer.write(request_bytes(HOST, port, CHAT, asked))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"stream {number} was answered {head[:60]!r}")
            await reader.readuntil(b"\n\n")
            return reader

    begin = time.monotonic()
    readers = await asyncio.gather(*(open_one(number) for number in range(streams)))
    opened = time.monotonic() - begin
    beside = await asyncio.to_thread(ask, port, [body(question(1))] * 2000, 1)
    figures = {
        "streams_held": float(sum(not reader.at_eof() for reader in readers)),
        "streams_opened_per_second": streams / opened,
        "streams_rss_mb": resident_mb(pid),
        "exact_p50_ms_beside_streams": beside.p50,
        "exact_p99_ms_beside_streams": beside.p99,
    }
    for writer in writers:
        writer.close()
    return figures
