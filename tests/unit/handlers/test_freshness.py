"""A watch that no longer brings news is noticed, and one that is only late is not."""

from semantic_router_operator.handlers.freshness import Freshness

KEY, OTHER = ("a", "x"), ("a", "y")


def test_a_watch_that_brings_news_is_not_frozen() -> None:
    freshness = Freshness()
    freshness.told(KEY, 5)
    assert freshness.compare({KEY: 5}) == frozenset()
    assert freshness.compare({KEY: 6}) == {KEY}
    freshness.told(KEY, 6)
    assert freshness.compare({KEY: 6, OTHER: 1}) == {OTHER}
    assert not freshness.frozen


def test_behind_twice_is_frozen_until_news_come() -> None:
    freshness = Freshness()
    freshness.told(KEY, 5)
    freshness.compare({KEY: 6})
    assert freshness.compare({KEY: 7}) == {KEY}
    assert freshness.frozen
    freshness.told(KEY, 7)
    freshness.compare({KEY: 7})
    assert not freshness.frozen


def test_what_was_deleted_and_made_anew_has_to_be_told() -> None:
    freshness = Freshness()
    freshness.told(KEY, 9)
    freshness.told(KEY, None)
    assert freshness.compare({KEY: 9}) == {KEY}
    assert freshness.compare({}) == frozenset()
