"""The admin side on port 8080: health and statistics; and the metrics on their own port."""

from dataclasses import asdict

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.json_response import json_response


def make_admin_app(health: Health) -> Starlette:
    """Return the application of the admin port."""

    async def healthz(_: Request) -> Response:
        return json_response({"status": "ok"})

    async def readyz(_: Request) -> Response:
        status, body = health.ready()
        return json_response(body, status)

    async def stats(_: Request) -> Response:
        gateway = health.gateway
        if gateway is None or gateway.cache is None:
            return json_response({"cache": None})
        return json_response({"cache": asdict(gateway.cache.get_stats())})

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/api/stats", stats)])


def make_metrics_app(registry: CollectorRegistry) -> Starlette:
    """Return the application of the metrics port."""

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/metrics", metrics)])
