"""Brute force, questions near stored ones, and the recommendation."""

import numpy as np
import pytest

from semantic_router_proxy.cache.tune import Measured, Sample, nearby, nearest, recommended
from semantic_router_proxy.embedding.base import unit_rows


def test_a_nearby_question_lies_as_far_as_another_wording() -> None:
    vector = unit_rows(np.random.default_rng(1).normal(size=(1, 384)).astype(np.float32))[0]
    asked = nearby(vector, 7)
    assert np.linalg.norm(asked) == pytest.approx(1, abs=1e-6)
    assert float(asked @ vector) == pytest.approx(0.9, abs=0.03)
    assert np.array_equal(asked, nearby(vector, 7))


def test_the_nearest_are_those_of_the_partition() -> None:
    vectors = np.array([[1, 0], [0.9, 0.44], [0, 1], [1, 0]], dtype=np.float32)
    sample = Sample(["a", "b", "c", "d"], np.array(["p", "p", "p", "q"]), vectors)
    assert nearest(sample, np.array([1, 0], dtype=np.float32), "p", 2) == ["a", "b"]


@pytest.mark.parametrize(("target", "value"), [(0.9, 16), (0.97, 64), (0.999, 128)])
def test_the_smallest_value_that_suffices_is_recommended_else_the_best(target: float, value: int) -> None:
    measured = [Measured(16, 0.91, 1, 2), Measured(64, 0.98, 2, 4), Measured(128, 0.99, 4, 8)]
    assert recommended(measured, target).value == value
