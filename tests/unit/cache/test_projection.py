"""Fewer dimensions: what they keep of the distances, and what a walk through them finds."""

import numpy as np

from semantic_router_proxy.cache.index.graph import GraphIndex, GraphSettings
from semantic_router_proxy.cache.index.projection import PROJECTED, Projection, learn


def _questions(count: int, dimension: int, seed: int) -> np.ndarray:
    """Return unit vectors around centres, as questions lie."""
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(50, dimension))
    vectors = centres[chance.integers(0, 50, count)] + 0.7 * chance.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_vectors_of_few_dimensions_stay_as_they_are() -> None:
    vectors = _questions(20, PROJECTED, seed=1)
    projection = learn(vectors)
    assert projection == Projection(PROJECTED)
    assert projection.rows(vectors) is vectors


def test_distances_only_shrink_and_those_within_the_directions_stay() -> None:
    sample = _questions(1000, 300, seed=1)
    projection = learn(sample)
    rows = projection.rows(sample)
    assert rows.shape == (1000, PROJECTED)
    assert np.allclose(projection.row(sample[3]), rows[3], atol=1e-5)
    whole = np.linalg.norm(sample[1:] - sample[:-1], axis=1)
    projected = np.linalg.norm(rows[1:] - rows[:-1], axis=1)
    assert np.all(projected <= whole + 1e-5)
    flat = sample.copy()
    flat[:, PROJECTED:] = 0
    rows = learn(flat).rows(flat)
    kept = np.linalg.norm(rows[1:] - rows[:-1], axis=1)
    assert np.allclose(kept, np.linalg.norm(flat[1:] - flat[:-1], axis=1), atol=1e-4)


def test_a_walk_in_fewer_dimensions_finds_what_is_nearest_in_all() -> None:
    stored = _questions(3000, 384, seed=2)
    chance = np.random.default_rng(3)
    asked = stored[:200] + chance.normal(size=(200, 384)).astype(np.float32) * (0.45 / np.sqrt(384))
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    graph = GraphIndex(learn(stored[::2]), 3000, GraphSettings(m=16, ef_construction=100, ef_search=64))
    graph.add_many(list(range(3000)), stored, threads=1)
    nearest = np.argmax(stored @ asked.T, axis=0)
    found = [graph.search(vector, 10) for vector in asked]
    assert np.mean([each[0][0] == number for each, number in zip(found, nearest, strict=True)]) >= 0.99
    for vector, each in zip(asked, found, strict=True):
        assert [similarity for _, similarity in each] == sorted((s for _, s in each), reverse=True)
        assert np.allclose([s for _, s in each], [stored[label] @ vector for label, _ in each], atol=1e-5)
