"""Active health checks: each endpoint of a provider that wants them is asked at its interval."""

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog

from semantic_router_proxy.upstream.client import UpstreamClient
from semantic_router_proxy.upstream.provider import Endpoint, Provider

_log = structlog.get_logger("semantic_router.health_checks")
_TICK_SECONDS = 0.1


class HealthChecks:
    """Checks the providers that `providers` returns at the time: a reload may replace them."""

    def __init__(self, client: UpstreamClient, providers: Callable[[], Iterable[Provider]]) -> None:
        self._client = client
        self._providers = providers
        self._due: dict[Endpoint, float] = {}
        self._running: dict[Endpoint, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look again and again, for ever."""
        try:
            while True:
                self._begin(time.monotonic())
                await asyncio.sleep(_TICK_SECONDS if self._due else 1.0)
        finally:
            for task in self._running.values():
                task.cancel()

    def _begin(self, now: float) -> None:
        """Begin the checks that are due. One endpoint has one check at a time."""
        wanted = {
            endpoint: (provider, provider.config.health_check.interval_seconds)
            for provider in self._providers()
            if provider.config.health_check is not None
            for endpoint in provider.endpoints
        }
        self._due = {endpoint: self._due.get(endpoint, now) for endpoint in wanted}
        for endpoint, (provider, interval) in wanted.items():
            if self._due[endpoint] <= now and endpoint not in self._running:
                self._due[endpoint] = now + interval
                self._running[endpoint] = asyncio.create_task(self._check(provider, endpoint))

    async def _check(self, provider: Provider, endpoint: Endpoint) -> None:
        before = provider.healthy(endpoint)
        try:
            alive = await self._client.is_alive(provider, endpoint)
        finally:
            del self._running[endpoint]
        endpoint.failed_checks = 0 if alive else endpoint.failed_checks + 1
        if provider.healthy(endpoint) != before:
            _log.warning(
                "endpoint_health_changed", provider=provider.name, endpoint=endpoint.base_url, healthy=not before
            )
