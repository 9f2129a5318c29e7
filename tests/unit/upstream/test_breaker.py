"""The breaker and the retry budget, with times as numbers."""

from semantic_router_proxy.upstream.breaker import Breaker
from semantic_router_proxy.upstream.budget import RetryBudget


def test_an_open_breaker_tells_for_how_long() -> None:
    breaker = Breaker(failures=1, pause_seconds=10)
    assert breaker.closed_for(5) == 0
    breaker.failed(5)
    assert (breaker.closed_for(5), breaker.closed_for(14), breaker.closed_for(15)) == (10, 1, 0)
    breaker.begin(16)
    assert breaker.closed_for(20) == 6, "one call is on its way to find out"


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(failures=3, pause_seconds=10)
    for _ in range(2):
        breaker.failed(0)
    breaker.succeeded()
    for _ in range(2):
        breaker.failed(0)
    assert breaker.allows(0)
    breaker.failed(1)
    assert breaker.state(1) == "open"
    assert not breaker.allows(10.9)


def test_half_open_lets_one_call_through() -> None:
    breaker = Breaker(failures=1, pause_seconds=10)
    breaker.failed(0)
    assert breaker.state(10) == "half-open"
    assert breaker.allows(10)
    breaker.begin(10)
    assert not breaker.allows(11)
    breaker.failed(12)
    assert breaker.state(13) == "open"
    breaker.begin(22)
    breaker.succeeded()
    assert breaker.state(22) == "closed"


def test_a_probe_whose_caller_left_does_not_block_the_next() -> None:
    breaker = Breaker(failures=1, pause_seconds=10)
    breaker.failed(0)
    breaker.begin(10)
    breaker.abandoned()
    assert breaker.allows(10)


def test_a_budget_keeps_retries_a_share_of_calls() -> None:
    budget = RetryBudget(share=0.25, most=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(4):
        budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]
