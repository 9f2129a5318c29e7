"""The operator's metrics about its own work."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter(
    "semantic_router_operator_reconciles_total", "Passes over a resource, by result (done, failed)", ["result"]
)
RECONCILE_SECONDS = Histogram(
    "semantic_router_operator_reconcile_seconds",
    "Duration of a pass over a resource",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE_LENGTH = Gauge("semantic_router_operator_queue_length", "Resources that wait or are worked on")
ADMISSIONS = Counter(
    "semantic_router_operator_admissions_total", "Resources that the webhook was asked about, by answer", ["result"]
)
LEADER = Gauge("semantic_router_operator_leader", "1 while this process leads, 0 while it stands by")
