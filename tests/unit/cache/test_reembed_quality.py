"""Recall and NDCG of two models on the same texts, and of one model on paraphrases."""

import numpy as np
import pytest

from semantic_router_proxy.cache.reembed_quality import agreement, finding
from semantic_router_proxy.embedding.base import Vectors, unit_rows


def _vectors(seed: int, count: int = 60, dimension: int = 16) -> Vectors:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32))


def test_a_model_agrees_with_itself_also_when_it_is_turned() -> None:
    vectors = _vectors(1)
    turned = unit_rows(vectors @ np.linalg.qr(np.random.default_rng(2).normal(size=(16, 16)))[0].astype(np.float32))
    for other in (vectors, turned):
        agreed = agreement(vectors, other, 0.5)
        assert agreed is not None
        assert (agreed.texts, agreed.k, agreed.recall) == (60, 10, 1.0)
        assert agreed.ndcg == pytest.approx(1.0)
        assert agreed.old_pairs == agreed.new_pairs > 0


def test_an_unrelated_model_agrees_by_chance_only() -> None:
    agreed = agreement(_vectors(1, 400), _vectors(2, 400, 24), 0.999)
    assert agreed is not None
    # By chance, k of the n - 1 others are common.
    assert agreed.recall == pytest.approx(10 / 399, abs=0.02)
    assert agreed.ndcg < 0.5
    assert (agreed.old_pairs, agreed.new_pairs) == (0, 0)


def test_recall_and_ndcg_by_hand() -> None:
    """Four texts, k = 3: all are neighbours, so recall is 1 whatever the order, and NDCG tells the order."""
    angles = {"old": [0.0, 0.1, 0.5, 1.0], "new": [0.0, 1.0, 0.5, 0.1]}
    old, new = (np.array([[np.cos(a), np.sin(a)] for a in angles[name]], dtype=np.float32) for name in ("old", "new"))
    agreed = agreement(old, new, 0.99)
    assert agreed is not None
    assert agreed.recall == 1.0

    def dcg(gains: list[float]) -> float:
        return sum(gain / np.log2(rank + 2) for rank, gain in enumerate(gains))

    expected = []
    for row in range(4):
        cosine = {other: float(old[row] @ old[other]) for other in range(4) if other != row}
        order = sorted(cosine, key=lambda other: -float(new[row] @ new[other]))
        expected.append(dcg([cosine[other] for other in order]) / dcg(sorted(cosine.values(), reverse=True)))
    assert agreed.ndcg == pytest.approx(np.mean(expected), abs=1e-5)


def test_too_few_texts_tell_nothing() -> None:
    assert agreement(_vectors(1, 2), _vectors(2, 2), 0.8) is None


def test_finding_counts_the_rank_of_the_counterpart() -> None:
    stored = np.eye(4, dtype=np.float32)
    asked = stored.copy()
    # The last one is nearer to a text that belongs to nobody, and so comes second.
    others = unit_rows(np.array([[0, 0, 0.2, 1]], dtype=np.float32))
    asked[3] = others[0]
    found = finding(asked, stored, others)
    assert (found.pairs, found.k) == (4, 5)
    assert found.recall_at_1 == 0.75
    assert found.recall_at_k == 1.0
    assert found.ndcg == pytest.approx((3 + 1 / np.log2(3)) / 4)
