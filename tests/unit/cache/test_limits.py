"""Limits: a category's stand before the cache's, a decision's before both; a caller's can only be stricter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.cache.limits import Limits, limits_for
from semantic_router_proxy.config.cache import CacheLimits, SemanticCacheConfig

VERIFIER = {"model": "small"}
SHARE = st.floats(0, 1)


def _config(**settings: Any) -> SemanticCacheConfig:
    return SemanticCacheConfig(**settings)


def _limits(**settings: Any) -> CacheLimits:
    return CacheLimits(**settings)


def test_without_more_the_caches_own_hold() -> None:
    assert limits_for(_config(similarity_threshold=0.9)) == Limits(True, 0.9, 0.9)
    assert limits_for(_config(), (), CacheLimits()) == Limits(True, 0.85, 0.85)


def test_a_category_is_stricter_or_looser_and_the_strictest_of_several_holds() -> None:
    loose, strict = _limits(similarity_threshold=0.7), _limits(similarity_threshold=0.95, ttl_seconds=60)
    assert limits_for(_config(), [loose]) == Limits(True, 0.7, 0.7)
    assert limits_for(_config(), [loose, strict]) == Limits(True, 0.95, 0.95, 60)
    assert not limits_for(_config(), [strict, _limits(enabled=False)]).enabled


def test_a_decision_stands_before_a_category() -> None:
    category = _limits(similarity_threshold=0.95, ttl_seconds=60)
    assert limits_for(_config(), [category], _limits(similarity_threshold=0.7)) == Limits(True, 0.7, 0.7, 60)
    assert limits_for(_config(), [category], _limits(ttl_seconds=5)) == Limits(True, 0.95, 0.95, 5)
    assert not limits_for(_config(), [_limits(enabled=False)], _limits()).enabled
    assert not limits_for(_config(), [], _limits(enabled=False)).enabled


def test_the_verifier_decides_between_two_thresholds() -> None:
    config = _config(verifier=VERIFIER, verify_threshold=0.7)
    assert limits_for(config) == Limits(True, 0.85, 0.7)
    assert limits_for(config, [_limits(verify_threshold=0.8)]) == Limits(True, 0.85, 0.8)
    decision = _limits(similarity_threshold=0.95, verify_threshold=0.9)
    assert limits_for(config, [_limits(verify_threshold=0.8)], decision) == Limits(True, 0.95, 0.9)


def test_without_a_verifier_or_below_its_threshold_there_is_nothing_between() -> None:
    assert limits_for(_config(), [_limits(verify_threshold=0.5)]) == Limits(True, 0.85, 0.85)
    config = _config(verifier=VERIFIER, verify_threshold=0.7)
    assert limits_for(config, [_limits(similarity_threshold=0.6)]) == Limits(True, 0.6, 0.6)


@given(st.booleans(), SHARE, SHARE, st.none() | SHARE)
def test_a_caller_can_only_be_stricter(enabled: bool, one: float, other: float, asked: float | None) -> None:
    before = Limits(enabled, max(one, other), min(one, other), 5)
    after = before.stricter(asked)
    assert after.threshold >= before.threshold
    assert after.verify_threshold >= max(before.verify_threshold, asked or 0.0)
    assert (after.enabled, after.ttl_seconds) == (enabled, 5)
    assert after.verify_threshold <= after.threshold


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "high"])
def test_a_threshold_is_between_0_and_1(threshold: object) -> None:
    with pytest.raises(ValueError, match="similarity_threshold"):
        CacheLimits.model_validate({"similarity_threshold": threshold})
