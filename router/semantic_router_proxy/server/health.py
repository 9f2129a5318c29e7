"""Alive, ready, draining: what the probes are told."""

from typing import Any

from semantic_router_proxy.server.gateway import Gateway


class Health:
    """The process's state. Ready means able to answer, whatever the state of upstreams and Milvus."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self.draining = False
        self.reload_problem = ""
        self.restart_needed: list[str] = []

    def ready(self, *, detailed: bool = False) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of /readyz; details are for the admin port, where they name addresses."""
        if self.gateway is None:
            return 503, {"status": "starting"}
        engine = self.gateway.engine
        state: dict[str, Any] = {"config_epoch": engine.config_epoch, "policy_epoch": engine.policy_epoch[:12]}
        if self.gateway.cache is not None:
            stats = self.gateway.cache.get_stats()
            # The one that runs: a changed configuration may name another, which waits for a restart.
            state["cache_backend"] = stats.backend
            if detailed:
                state |= {"cache_entries": stats.total_entries, "store_problem": stats.store_problem}
                state["lookups"] = self.gateway.lookups.told()
        if self.restart_needed:
            state["restart_needed"] = self.restart_needed
        if self.draining:
            return 503, {"status": "draining", **state}
        if self.reload_problem:
            state["reload_problem"] = self.reload_problem
        if not engine.targets:
            state["note"] = "no model server is configured"
        return 200, {"status": "ready", **state}
