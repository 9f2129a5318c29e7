"""The way to the store: what goes wrong there is a miss here, and a store that does not answer is left alone."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from semantic_router_proxy.cache.breaker import StoreBreaker
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.store import StoreUnavailable

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class StoreGate:
    """Passes calls on to a store and never raises."""

    def __init__(self, metrics: CacheMetrics) -> None:
        self._metrics = metrics
        self._breaker = StoreBreaker()
        self._problem = ""
        self.failures = 0
        """Calls that brought nothing, those included that were not made."""

    @property
    def available(self) -> bool:
        """Whether the store is being asked."""
        return self._breaker.available

    @property
    def problem(self) -> str:
        """Why the store is being left alone; empty while it is asked."""
        return "" if self._breaker.available else self._problem

    async def ask(self, call: Callable[[], Awaitable[Result]], *, anyway: bool = False) -> Result | None:
        """Return what the call returns, None where it fails or where the store is left alone (not so with `anyway`)."""
        if not anyway and not self._breaker.allows():
            self.failures += 1
            return None
        try:
            result = await call()
        except StoreUnavailable as error:
            if self._breaker.available:
                _log.warning("cache_store_unavailable", reason=str(error))
            self.failed(error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a store's library throws must not reach a client
            _log.error("cache_store_failed", reason=f"{type(error).__name__}: {error}")
            self._metrics.count("store", "error")
            self.failures += 1
            return None
        if not self._breaker.available:
            _log.info("cache_store_available")
        self._breaker.succeeded()
        self._metrics.store_available(True)
        return result

    def failed(self, error: StoreUnavailable, *, for_good: bool = False) -> None:
        """Take note of a failed call; `for_good` leaves the store alone at once, until it is tried again."""
        self.failures += 1
        self._problem = str(error)
        self._breaker.failed(self._breaker.limit if for_good else 1)
        self._metrics.store_available(self._breaker.available)
