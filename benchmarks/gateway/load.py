"""A closed-loop HTTP client without a library: it must cost less than what it measures."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Latencies in milliseconds, and requests a second over the whole run."""

    p50: float
    p99: float
    rps: float
    requests: int


def request_bytes(host: str, port: int, path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"host: {host}:{port}", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def run(host: str, port: int, requests: Sequence[bytes], connections: int) -> Result:
    """Send all requests over so many connections, each sending its next request when it has its answer."""
    waiting = iter(requests)
    times: list[float] = []

    async def worker() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            for request in waiting:
                begin = time.perf_counter()
                writer.write(request)
                await _answer(reader)
                times.append(time.perf_counter() - begin)
        finally:
            writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    seconds = time.perf_counter() - begin
    times.sort()
    count = len(times)
    return Result(times[count // 2] * 1000, times[int(count * 0.99)] * 1000, count / seconds, count)


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the server answered {head[:60]!r}")
    position = head.lower().find(b"content-length:")
    length = int(head[position + 15 : head.find(b"\r", position)])
    await reader.readexactly(length)
