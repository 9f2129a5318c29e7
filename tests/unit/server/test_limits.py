"""Requests a minute and at a time, with a clock of the test's own."""

import pytest

from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.limits import CallerLimits, Limits


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_requests_are_allowed_and_come_back_steadily() -> None:
    clock = Clock()
    limits = CallerLimits(clock)
    allowed = Limits(requests_per_minute=6)
    for _ in range(6):
        with limits.admitted("a", allowed):
            pass
    with pytest.raises(ApiError) as refused, limits.admitted("a", allowed):
        pass
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "10")
    with limits.admitted("b", allowed):
        pass
    clock.now += 10
    with limits.admitted("a", allowed):
        pass
    with pytest.raises(ApiError), limits.admitted("a", allowed):
        pass


def test_requests_at_a_time_are_counted_until_they_end() -> None:
    limits = CallerLimits(Clock())
    allowed = Limits(max_concurrency=1)
    with limits.admitted("a", allowed):
        with pytest.raises(ApiError) as refused, limits.admitted("a", allowed):
            pass
        assert refused.value.code == "concurrency_limit"
        with limits.admitted("b", allowed):
            pass
    with pytest.raises(ValueError, match="from inside"), limits.admitted("a", allowed):
        raise ValueError("from inside")
    with limits.admitted("a", allowed):
        pass


def test_a_refused_request_costs_nothing() -> None:
    limits = CallerLimits(Clock())
    allowed = Limits(requests_per_minute=2, max_concurrency=1)
    with limits.admitted("a", allowed), pytest.raises(ApiError), limits.admitted("a", allowed):
        pass
    with limits.admitted("a", allowed):
        pass


def test_a_crowd_of_callers_takes_bounded_memory_and_running_ones_stay() -> None:
    limits = CallerLimits(Clock())
    allowed = Limits(max_concurrency=1)
    with limits.admitted("busy", allowed):
        for number in range(10_100):
            with limits.admitted(str(number), allowed):
                pass
        with pytest.raises(ApiError), limits.admitted("busy", allowed):
            pass
    assert len(limits._callers) == 10_000
