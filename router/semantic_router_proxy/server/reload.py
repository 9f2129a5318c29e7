"""Take over a changed configuration without a restart; a bad one changes nothing and is reported."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import structlog
from prometheus_client import Counter, Gauge

from semantic_router_proxy.config.load import LoadedConfig, load_config
from semantic_router_proxy.config.problems import ConfigError
from semantic_router_proxy.config.root import RouterConfig
from semantic_router_proxy.config.text import FileState, file_state
from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.server.engine import make_engine
from semantic_router_proxy.server.health import Health

_log = structlog.get_logger("semantic_router.reload")

CHECK_SECONDS = 1.0
_NEEDS_RESTART = ("server", "admin", "metrics", "log", "tracing", "embedding")
_CACHE_NEEDS_RESTART = frozenset(
    {
        "enabled",
        "backend_type",
        "backend_config_path",
        "max_entries",
        "max_memory_entries",
        "local_cache_size",
        "hnsw_m",
        "hnsw_ef_construction",
        "hnsw_ef_search",
        "eviction_policy",
    }
)


class Reloader:
    """Watches the files of a configuration.

    `seen` is what `states` told before the gateway read them, so that a change while it started counts; None: just now.
    """

    def __init__(self, loaded: LoadedConfig, health: Health, seen: Mapping[Path, FileState] | None = None) -> None:
        self._loaded = loaded
        self._health = health
        self._seen = states(loaded) if seen is None else seen
        gateway = health.gateway
        if gateway is None:
            raise ValueError("nothing can be reloaded before the gateway runs")
        self._gateway = gateway
        registry = gateway.observer.registry
        self._results = Counter(
            "semantic_router_config_reloads", "Changed configurations by result.", ["result"], registry=registry
        )
        self._good = Gauge(
            "semantic_router_config_last_reload_successful", "0: the file on disk is not in force.", registry=registry
        )
        self._good.set(1)

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except Exception:  # noqa: BLE001 - the next change may be one that can be taken over
                self._refused("The check of the configuration failed; the router's log has the reason.")
                _log.exception("reload_failed", consequence="the old one stays in force")

    async def check(self) -> bool:
        """Look once; return whether a new configuration is in force now."""
        now = {file: file_state(file) for file in self._seen}
        if now == self._seen:
            return False
        self._seen = now
        try:
            loaded = load_config(self._loaded.file)
            self._seen = states(loaded)
            engine = await make_engine(
                loaded, os.environ, self._gateway.client, self._gateway.embedder, before=self._gateway.engine
            )
        except (ConfigError, EmbeddingError) as error:
            self._refused(str(error))
            _log.error("config_refused", problems=str(error).splitlines(), consequence="the old one stays in force")
            return False
        waiting = restart_needed(self._loaded.router, loaded.router)
        if waiting:
            _log.warning("config_needs_restart", keys=waiting)
        self._gateway.engine = engine
        if self._gateway.cache is not None:
            self._gateway.cache.set_policy(loaded.router.semantic_cache, engine.policy_epoch)
        self._gateway.lookups.begin(engine.config_epoch, engine.policy_epoch[:12])
        self._health.reload_problem = ""
        self._health.restart_needed = waiting
        self._results.labels("taken_over").inc()
        self._good.set(1)
        _log.info("config_reloaded", epoch=engine.config_epoch)
        return True

    def _refused(self, problem: str) -> None:
        self._health.reload_problem = problem
        self._results.labels("refused").inc()
        self._good.set(0)


def restart_needed(old: RouterConfig, new: RouterConfig) -> list[str]:
    """Return the changed keys that only a restart brings into force."""
    changed = [name for name in _NEEDS_RESTART if getattr(old, name) != getattr(new, name)]
    before, after = old.semantic_cache, new.semantic_cache
    changed += [
        f"semantic_cache.{key}" for key in sorted(_CACHE_NEEDS_RESTART) if getattr(before, key) != getattr(after, key)
    ]
    return changed


def states(loaded: LoadedConfig) -> dict[Path, FileState]:
    """Return the state of each file that the configuration consists of, by path."""
    found = {loaded.file: loaded.state}
    if keys := loaded.router.access.keys_file:
        found[loaded.file.parent / keys] = file_state(loaded.file.parent / keys)
    return found
