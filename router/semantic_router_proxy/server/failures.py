"""Failures of providers as errors of the API."""

import math
from collections.abc import Mapping

from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.sse import json_of
from semantic_router_proxy.upstream.client import Exchange
from semantic_router_proxy.upstream.errors import UpstreamError


def as_api_error(error: UpstreamError) -> ApiError:
    if error.saturated:
        return ApiError(429, f"Too many calls: {error}.", code="concurrency_limit", headers={"retry-after": "1"})
    if error.retry_seconds is not None:
        wait = {"retry-after": str(max(1, math.ceil(error.retry_seconds)))}
        return ApiError(503, f"The model server cannot be asked: {error}.", code="upstream_left_alone", headers=wait)
    if error.timeout:
        return ApiError(504, f"The model server was too slow: {error}.", code="upstream_timeout")
    return ApiError(502, f"The model server cannot answer: {error}.", code="upstream_unavailable")


def provider_error(exchange: Exchange, body: bytes, passed: Mapping[str, str]) -> ApiError:
    """Pass a provider's error on: its status, its JSON where it is an error object, its Retry-After."""
    name = exchange.target.provider.name
    # The router's own key was refused: that is not the caller's fault, and the provider's words may quote the key.
    if exchange.status in (401, 403) and exchange.target.provider.keys.configured:
        return ApiError(502, f"Provider {name} refused the router's API key.", code="upstream_credentials")
    if 300 <= exchange.status < 400:
        return ApiError(502, f"Provider {name} answered with a redirect, which is not followed.", code="bad_upstream")
    parsed = json_of(b"data: " + body.replace(b"\n", b" ") + b"\n\n")
    key = exchange.target.provider.keys.read()
    quoted = bool(key) and key.encode() in body
    own = body if parsed is not None and parsed.get("error") and not quoted else None
    status = exchange.status if 400 <= exchange.status < 600 else 502
    return ApiError(status, f"Provider {name} answered {exchange.status}.", headers=passed, body=own)
