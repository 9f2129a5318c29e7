"""Which endpoint a call goes to."""

import time
from typing import Any

from semantic_router_proxy.config.upstreams import ProviderConfig
from semantic_router_proxy.upstream.provider import Provider


def provider(**settings: Any) -> Provider:
    return Provider.make(
        ProviderConfig.model_validate(
            {
                "name": "p",
                "base_url": "http://a/v1",
                "endpoints": ["http://b/v1", "http://c/v1"],
                "breaker_failures": 1,
                **settings,
            }
        )
    )


def test_a_call_goes_where_the_fewest_run() -> None:
    own = provider()
    a, b, c = own.endpoints
    a.running, b.running, c.running = 2, 1, 3
    assert own.pick(set()) is b
    assert own.pick({b}) is a, "one that was tried comes last"
    assert own.pick({a, b, c}) is b


def test_an_open_breaker_gets_no_calls() -> None:
    own = provider()
    a, b, c = own.endpoints
    for endpoint in (a, c):
        endpoint.breaker.failed(time.monotonic())
    assert own.pick(set()) is b
    b.breaker.failed(time.monotonic())
    assert own.pick(set()) is None


def test_a_failing_check_keeps_calls_away_while_others_are_well() -> None:
    own = provider(health_check={"failures": 2})
    a, b, c = own.endpoints
    a.failed_checks = b.failed_checks = 2
    assert own.pick(set()) is c
    a.failed_checks = 1
    assert own.pick({c}) is a
    a.failed_checks = c.failed_checks = 5
    assert own.pick(set()) in (a, b, c), "where all fail, the checks may be wrong"


def test_a_full_provider_is_saturated() -> None:
    own = provider(max_concurrency=2)
    own.running = 1
    assert not own.saturated
    own.running = 2
    assert own.saturated
