"""Alive, ready, draining: what the probes are told."""

from typing import Any

from semantic_router_proxy.server.gateway import Gateway


class Health:
    """The process's state. Ready means able to answer, whatever the state of upstreams and Milvus."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self.draining = False
        self.reload_problem = ""

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of /readyz."""
        if self.gateway is None:
            return 503, {"status": "starting"}
        engine = self.gateway.engine
        state: dict[str, Any] = {"config_epoch": engine.config_epoch, "policy_epoch": engine.policy_epoch[:12]}
        if self.gateway.cache is not None:
            state["cache_backend"] = engine.config.semantic_cache.backend_type
        if self.draining:
            return 503, {"status": "draining", **state}
        if self.reload_problem:
            state["reload_problem"] = self.reload_problem
        if not engine.targets:
            state["note"] = "no model server is configured"
        return 200, {"status": "ready", **state}
