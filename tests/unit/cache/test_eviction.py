"""Which entry leaves."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.cache.eviction import make_eviction

OPERATIONS = st.lists(st.tuples(st.sampled_from(["add", "use", "remove"]), st.integers(0, 5)), max_size=60)


@given(OPERATIONS, st.sampled_from(["fifo", "lru", "lfu"]))
def test_the_victim_is_the_one_that_the_policy_names(operations: list[tuple[str, int]], policy: str) -> None:
    order = make_eviction(policy)  # type: ignore[arg-type]
    oracle: OrderedDict[int, tuple[int, int]] = OrderedDict()  # number -> (uses, tick of the last touch)
    for tick, (operation, back) in enumerate(operations):
        number = tick - back
        if operation == "add":
            order.add(tick)
            oracle[tick] = (0, tick)
        elif operation == "use":
            order.used(number)
            if number in oracle:
                oracle[number] = (oracle[number][0] + 1, tick)
        else:
            order.remove(number)
            oracle.pop(number, None)
    if not oracle:
        with pytest.raises(KeyError):
            order.victim()
        return
    expected = {
        "fifo": min(oracle),
        "lru": min(oracle, key=lambda number: oracle[number][1]),
        "lfu": min(oracle, key=lambda number: oracle[number]),
    }[policy]
    assert order.victim() == expected
    assert order.victim() == expected


def test_the_least_frequent_order_does_not_grow_with_its_uses() -> None:
    order = make_eviction("lfu")
    for number in range(3):
        order.add(number)
    for _ in range(10_000):
        order.used(0)
    assert order.victim() == 1
    assert len(order._heap) < 200  # type: ignore[attr-defined]
