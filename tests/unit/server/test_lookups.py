"""Lookups are counted for each configuration of their own."""

from semantic_router_proxy.cache.entry import CacheStats
from semantic_router_proxy.server.lookups import Lookups


class _Cache:
    def __init__(self) -> None:
        self.hits = self.misses = 0

    def stats(self) -> CacheStats:
        return CacheStats("memory", 0, self.hits, self.misses, 0.0)


def test_a_change_begins_new_counts_and_keeps_the_old_ones() -> None:
    cache, times = _Cache(), iter((100.0, 200.0, 300.0))
    lookups = Lookups(cache.stats, lambda: next(times))
    lookups.begin("one", "policy-a")
    cache.hits, cache.misses = 30, 10
    lookups.begin("one", "policy-a")
    lookups.begin("two", "policy-b")
    cache.misses = 25
    lookups.begin("three", "policy-b")
    assert lookups.told() == [
        {"config_epoch": "one", "policy_epoch": "policy-a", "since": 100.0, "hits": 30, "misses": 10},
        {"config_epoch": "two", "policy_epoch": "policy-b", "since": 200.0, "hits": 0, "misses": 15},
        {"config_epoch": "three", "policy_epoch": "policy-b", "since": 300.0, "hits": 0, "misses": 0},
    ]


def test_a_configuration_under_which_nobody_asked_is_not_kept_and_many_are_few() -> None:
    cache = _Cache()
    lookups = Lookups(cache.stats, lambda: 1.0)
    for number in range(40):
        lookups.begin(f"silent-{number}", "p")
        lookups.begin(f"used-{number}", "p")
        cache.hits += 1
    told = [each["config_epoch"] for each in lookups.told()]
    assert told == [f"used-{number}" for number in range(31, 40)]


def test_without_a_cache_nothing_is_told() -> None:
    lookups = Lookups(lambda: None, lambda: 1.0)
    lookups.begin("one", "p")
    assert lookups.told() == []
