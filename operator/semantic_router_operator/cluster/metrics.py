"""The operator's own metrics about its use of the API server."""

from prometheus_client import Counter

API_REQUESTS = Counter(
    "semantic_router_operator_api_requests_total",
    "Requests to the Kubernetes API server, by HTTP method (or WATCH) and status code (none: no answer)",
    ["method", "code"],
)
WATCH_RESTARTS = Counter(
    "semantic_router_operator_watch_restarts_total",
    "Watches that had to list anew, by kind and cause",
    ["kind", "cause"],
)
