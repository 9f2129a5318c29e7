"""/healthz, /readyz and /metrics of the operator."""

import asyncio
from collections.abc import Callable, Iterable

from aiohttp import web
from prometheus_client import generate_latest

from semantic_router_operator.cluster.informer import SILENCE_SECONDS, WATCH_SECONDS, Informer

# A watch that works brings a bookmark each minute and is renewed after WATCH_SECONDS at the latest.
FROZEN_SECONDS = WATCH_SECONDS + 2 * SILENCE_SECONDS


def frozen(informers: Iterable[Informer], now: float) -> list[str]:
    """Kinds whose watch has been silent for too long."""
    return sorted({i.kind for i in informers if i.synced.is_set() and now - i.last_contact > FROZEN_SECONDS})


async def serve(
    host: str, port: int, metrics_port: int, stale: Callable[[], list[str]], ready: asyncio.Event
) -> web.AppRunner:
    """Starts both ports; `cleanup()` of the result stops them. Raises OSError when a port is taken.

    `stale` names the kinds that the operator hears nothing about any more.
    """

    async def healthz(_: web.Request) -> web.Response:
        if kinds := stale():
            return web.Response(status=500, text=f"no news from the API server about {', '.join(kinds)}\n")
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready.is_set() else web.Response(status=503, text="not ready yet\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": "text/plain; version=0.0.4"})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    for each in sorted({port, metrics_port}):
        await web.TCPSite(runner, host, each).start()
    return runner
