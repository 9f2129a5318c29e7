"""Rows in 16 bits against the vectors that they stand for."""

import numpy as np
import pytest

from semantic_router_proxy.cache.index.compact import CompactRows
from semantic_router_proxy.cache.match import SIMILARITY_TOLERANCE


@pytest.mark.parametrize("dimension", [384, 768, 3072])
def test_cosines_differ_by_less_than_a_threshold_tolerates(dimension: int) -> None:
    chance = np.random.default_rng(1)
    vectors = chance.standard_normal((300, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = CompactRows(dimension, 400)
    rows.put(0, vectors[:200])
    rows.put(200, vectors[200:])
    for asked in vectors[:20]:
        found = rows.similarities(np.arange(300), asked)
        assert np.max(np.abs(found - vectors @ asked)) < SIMILARITY_TOLERANCE
    assert np.allclose(rows.get([7, 250]), vectors[[7, 250]], atol=SIMILARITY_TOLERANCE)


def test_a_row_of_zeros_stays_one() -> None:
    rows = CompactRows(4, 1)
    rows.put(0, np.zeros((1, 4), dtype=np.float32))
    assert rows.get([0]).tolist() == [[0, 0, 0, 0]]


def test_room_is_made_without_losing_rows() -> None:
    rows = CompactRows(2, 1)
    rows.put(0, np.array([[0.6, 0.8]], dtype=np.float32))
    rows.resize(3)
    rows.put(1, np.array([[1, 0], [0, 1]], dtype=np.float32))
    assert rows.capacity == 3
    assert np.allclose(rows.get([0, 1, 2]), [[0.6, 0.8], [1, 0], [0, 1]], atol=1e-4)
    assert rows.get([]).shape == (0, 2)
