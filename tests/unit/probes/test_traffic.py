"""A router's metrics as the migration reads them: the text is what the router's own registry writes."""

from prometheus_client import CollectorRegistry, generate_latest

from semantic_router_operator.probes.traffic import report
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.server.observe import Observer, RequestRecord


def _metrics(*records: tuple[int, str], store: bool = True) -> str:
    registry = CollectorRegistry()
    observer, cache = Observer(registry, log_requests=False), CacheMetrics("hybrid", registry)
    cache.store_available(store)
    for status, verdict in records:
        record = RequestRecord("id", "chat")
        record.status, record.cache = status, verdict
        observer.finished(record)
    return generate_latest(registry).decode()


def test_failures_are_what_the_router_answered_with_5xx() -> None:
    found = report("a", _metrics((200, "hit"), (200, "miss"), (404, "bypass"), (502, "miss"), (503, "miss")))
    assert (found.problem, found.backend, found.store_available) == ("", "hybrid", True)
    assert (found.traffic.requests, found.traffic.failures, found.hits) == (5, 2, 1)


def test_a_store_that_is_left_alone_is_told() -> None:
    assert report("a", _metrics(store=False)).store_available is False


def test_what_is_no_routers_metrics_is_a_problem() -> None:
    assert report("a", "up 1\n").problem == "its metrics are not a router's"
    assert "cannot be read" in report("a", "<html>{").problem
