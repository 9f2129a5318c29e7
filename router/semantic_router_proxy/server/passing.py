"""Which headers go through the router, in both directions."""

from collections.abc import Mapping

from semantic_router_proxy.server.http import Header, header_text

_TO_UPSTREAM = (
    "openai-organization",
    "openai-project",
    "openai-beta",
    "anthropic-version",
    "anthropic-beta",
    "traceparent",
    "tracestate",
    "user-agent",
)
_CREDENTIALS = ("authorization", "x-api-key")
_TO_CLIENT = ("retry-after", "retry-after-ms", "openai-processing-ms")


def to_upstream(headers: Mapping[str, str], request_id: str, *, credentials: bool) -> dict[str, str]:
    """Return what a provider is told of the caller's headers."""
    names = (*_TO_UPSTREAM, *_CREDENTIALS) if credentials else _TO_UPSTREAM
    passed = {name: headers[name] for name in names if name in headers}
    passed["x-request-id"] = request_id
    return passed


def to_client(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what the client is told of a provider's headers."""
    passed = {name: headers[name] for name in _TO_CLIENT if name in headers}
    for name, value in headers.items():
        if name.lower().startswith("x-ratelimit-"):
            passed[name.lower()] = value
    return passed


def as_headers(passed: Mapping[str, str]) -> tuple[Header, ...]:
    return tuple((name.encode("ascii"), header_text(value)) for name, value in passed.items())
