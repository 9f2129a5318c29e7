"""Which entry leaves."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.cache.eviction import make_eviction

OPERATIONS = st.lists(st.tuples(st.sampled_from(["add", "use", "remove"]), st.sampled_from("abcdef")), max_size=60)


@given(OPERATIONS, st.sampled_from(["fifo", "lru", "lfu"]))
def test_the_victim_is_the_one_that_the_policy_names(operations: list[tuple[str, str]], policy: str) -> None:
    order = make_eviction(policy)  # type: ignore[arg-type]
    oracle: OrderedDict[str, tuple[int, int]] = OrderedDict()  # id -> (uses, tick of the last touch)
    for tick, (operation, entry) in enumerate(operations):
        if operation == "add" and entry not in oracle:
            order.add(entry)
            oracle[entry] = (0, tick)
        elif operation == "use":
            order.used(entry)
            if entry in oracle:
                oracle[entry] = (oracle[entry][0] + 1, tick)
        elif operation == "remove":
            order.remove(entry)
            oracle.pop(entry, None)
    if not oracle:
        with pytest.raises(KeyError):
            order.victim()
        return
    expected = {
        "fifo": next(iter(oracle)),
        "lru": min(oracle, key=lambda entry: oracle[entry][1]),
        "lfu": min(oracle, key=lambda entry: oracle[entry]),
    }[policy]
    assert order.victim() == expected
    assert order.victim() == expected


def test_the_least_frequent_order_does_not_grow_with_its_uses() -> None:
    order = make_eviction("lfu")
    for entry in "abc":
        order.add(entry)
    for _ in range(10_000):
        order.used("a")
    assert order.victim() == "b"
    assert len(order._heap) < 200  # type: ignore[attr-defined]
