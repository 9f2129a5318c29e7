"""Providers as they run: endpoints with a breaker each, and how many calls each has open."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from semantic_router_proxy.config.upstreams import ModelConfig, ProviderConfig
from semantic_router_proxy.upstream.breaker import Breaker
from semantic_router_proxy.upstream.keys import KeySource


@dataclass(slots=True, eq=False)
class Endpoint:
    """One address of a provider."""

    base_url: str
    breaker: Breaker
    running: int = 0
    failed_checks: int = 0


@dataclass(slots=True, eq=False)
class Provider:
    """A provider's endpoints and key. `running` counts the calls of all endpoints."""

    config: ProviderConfig
    keys: KeySource
    endpoints: list[Endpoint] = field(default_factory=list)
    running: int = 0

    @classmethod
    def make(cls, config: ProviderConfig, base: Path | None = None) -> "Provider":
        addresses = (config.base_url, *config.endpoints)
        endpoints = [
            Endpoint(address, Breaker(config.breaker_failures, config.breaker_pause_seconds)) for address in addresses
        ]
        return cls(config, KeySource(config, base), endpoints)

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def saturated(self) -> bool:
        limit = self.config.max_concurrency
        return limit is not None and self.running >= limit

    def healthy(self, endpoint: Endpoint) -> bool:
        check = self.config.health_check
        return check is None or endpoint.failed_checks < check.failures

    def pick(self, tried: set[Endpoint]) -> Endpoint | None:
        """Return the endpoint with the fewest running calls among those whose breaker allows a call, untried ones
        first; None where every breaker is open. Those whose health checks fail are left out while others are well."""
        now = time.monotonic()
        well = [endpoint for endpoint in self.endpoints if self.healthy(endpoint)]
        allowed = [endpoint for endpoint in well or self.endpoints if endpoint.breaker.allows(now)]
        fresh = [endpoint for endpoint in allowed if endpoint not in tried]
        return min(fresh or allowed, key=lambda endpoint: endpoint.running, default=None)


@dataclass(frozen=True, slots=True)
class Target:
    """A model at its provider."""

    model: ModelConfig
    provider: Provider

    @property
    def upstream_name(self) -> str:
        return self.model.upstream_name or self.model.name
