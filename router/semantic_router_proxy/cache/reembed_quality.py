"""How well a model finds what belongs together, and how much two models agree. Pure functions on vectors.

Recall@k and NDCG@k as in Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.embedding.base import Vectors

NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much the neighbourhoods of two models agree on the same texts, the old model taken as right.

    `k` neighbours of each text were compared; `recall` is the share of the old ones that are among the new ones,
    `ndcg` weighs them by rank with the old model's cosine as gain. `old_pairs` and `new_pairs` count pairs of texts
    whose cosine reaches the similarity threshold, i.e. that could share an answer.
    """

    texts: int
    k: int
    recall: float
    ndcg: float
    old_pairs: int
    new_pairs: int


@dataclass(frozen=True, slots=True)
class Finding:
    """How well one model finds each text's counterpart among all of them: the share that comes first, the share among
    the first `k`, and NDCG@k with the counterpart as the only one that counts."""

    pairs: int
    k: int
    recall_at_1: float
    recall_at_k: float
    ndcg: float


def agreement(old: Vectors, new: Vectors, threshold: float) -> Agreement | None:
    """Compare two models on the same texts: unit vectors of shapes (n, d1) and (n, d2). None for less than 3 texts."""
    count = len(old)
    if count < 3:
        return None
    k = min(NEIGHBOURS, count - 1)
    old_cosines, new_cosines = _cosines(old), _cosines(new)
    old_order, new_order = _nearest(old_cosines, k), _nearest(new_cosines, k)
    common = [len(np.intersect1d(a, b)) / k for a, b in zip(old_order, new_order, strict=True)]
    gains = np.maximum(old_cosines, 0)
    ideal = _dcg(np.take_along_axis(gains, old_order, axis=1))
    reached = _dcg(np.take_along_axis(gains, new_order, axis=1))
    # Where the old model sees nothing alike, every order is as good.
    ndcg = np.divide(reached, ideal, out=np.ones_like(ideal), where=ideal > 0)
    upper = np.triu_indices(count, 1)
    return Agreement(
        texts=count,
        k=k,
        recall=float(np.mean(common)),
        ndcg=float(np.mean(ndcg)),
        old_pairs=int(np.count_nonzero(old_cosines[upper] >= threshold)),
        new_pairs=int(np.count_nonzero(new_cosines[upper] >= threshold)),
    )


def finding(asked: Vectors, stored: Vectors, others: Vectors) -> Finding:
    """Search the counterpart of each asked text (n, d) among the stored ones (n, d; row i belongs to row i) and others
    (m, d) that belong to none."""
    pool = np.concatenate([stored, others])
    k = min(NEIGHBOURS, len(pool))
    cosines = asked @ pool.T
    own = np.take_along_axis(cosines, np.arange(len(asked))[:, None], axis=1)
    ranks = np.count_nonzero(cosines > own, axis=1)
    return Finding(
        pairs=len(asked),
        k=k,
        recall_at_1=float(np.mean(ranks < 1)),
        recall_at_k=float(np.mean(ranks < k)),
        ndcg=float(np.mean(np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0))),
    )


def _cosines(vectors: Vectors) -> NDArray[np.float32]:
    """Return the cosines of all pairs; that of a text with itself is -2, so that it is nobody's neighbour."""
    cosines: NDArray[np.float32] = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return cosines


def _nearest(cosines: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the k nearest of each row, the nearest first."""
    return np.argsort(-cosines, axis=1, kind="stable")[:, :k]


def _dcg(gains: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the discounted cumulated gain of each row."""
    discounts = 1 / np.log2(np.arange(gains.shape[1]) + 2)
    total: NDArray[np.float64] = gains @ discounts
    return total
