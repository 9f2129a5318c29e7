"""Which limits hold for one request: the cache's own, its category's, its decision's, and the caller's. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from semantic_router_proxy.config.cache import CacheLimits, SemanticCacheConfig


@dataclass(frozen=True, slots=True)
class Limits:
    """`threshold` is the cosine from which on a like question serves; from `verify_threshold` up to it the verifier
    decides, never where the two are equal. `ttl_seconds` None: as the cache is configured."""

    enabled: bool
    threshold: float
    verify_threshold: float
    ttl_seconds: int | None = None

    def stricter(self, threshold: float | None) -> "Limits":
        """Return the limits with the threshold that a caller asks for: nothing below it serves, verified or not."""
        if threshold is None or threshold <= self.verify_threshold:
            return self
        return Limits(self.enabled, max(self.threshold, threshold), threshold, self.ttl_seconds)


def limits_for(
    config: SemanticCacheConfig, categories: Iterable[CacheLimits] = (), decision: CacheLimits | None = None
) -> Limits:
    """Return what holds for a question of these categories that this decision routed.

    A category's value stands in place of the cache's, the strictest one where there are several; a decision's stands
    in place of both. No entry lives longer than `ttl_seconds` of the cache says (see `EntryMaker`).
    """
    found = tuple(categories)
    last = (decision,) if decision is not None else ()
    thresholds = [each.similarity_threshold for each in found if each.similarity_threshold is not None]
    verified = [each.verify_threshold for each in found if each.verify_threshold is not None]
    lives = [each.ttl_seconds for each in found if each.ttl_seconds is not None]
    threshold = max(thresholds, default=config.similarity_threshold)
    verify_threshold = max(verified, default=config.verify_threshold)
    ttl_seconds = min(lives, default=None)
    for each in last:
        threshold = threshold if each.similarity_threshold is None else each.similarity_threshold
        verify_threshold = verify_threshold if each.verify_threshold is None else each.verify_threshold
        ttl_seconds = ttl_seconds if each.ttl_seconds is None else each.ttl_seconds
    if config.verifier is None or verify_threshold is None or verify_threshold > threshold:
        verify_threshold = threshold
    return Limits(all(each.enabled for each in (*found, *last)), threshold, verify_threshold, ttl_seconds)
