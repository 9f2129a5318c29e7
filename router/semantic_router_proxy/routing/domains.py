"""The domain classifier: multinomial logistic regression on the vectors of example questions. Pure.

The examples (`data/domains.yaml`, about 30 for each of the 14 categories of MMLU-Pro) are embedded by the router's
own model when it starts, so the classifier fits any embedder. Probabilities are calibrated by temperature scaling
(Guo et al. 2017, "On Calibration of Modern Neural Networks") on the predictions of a cross-validation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import yaml
from numpy.typing import NDArray

from semantic_router_proxy.config.signals import MMLU_CATEGORIES

Vectors = NDArray[np.float32]

_PENALTY = 1e-3  # of the squared weights; the best of a five-fold cross-validation on the examples
_STEPS = 100
_FOLDS = 5
_TEMPERATURES = np.geomspace(0.05, 2.0, 75)


@dataclass(frozen=True, slots=True)
class Examples:
    """`labels` are positions in MMLU_CATEGORIES."""

    questions: list[str]
    labels: list[int]


def load_examples() -> Examples:
    """Return the example questions that come with the router, by category."""
    text = resources.files("semantic_router_proxy.routing").joinpath("data/domains.yaml").read_text("utf-8")
    by_category: dict[str, list[str]] = yaml.safe_load(text)
    pairs = [(question, label) for label, name in enumerate(MMLU_CATEGORIES) for question in by_category[name]]
    return Examples([question for question, _ in pairs], [label for _, label in pairs])


class DomainModel:
    """Probabilities of the categories; `weights` has shape (dimension, categories), `bias` (categories,)."""

    def __init__(self, weights: Vectors, bias: Vectors, temperature: float) -> None:
        self._weights = weights / np.float32(temperature)
        self._bias = bias / np.float32(temperature)

    def classify(self, embedding: Vectors) -> dict[str, float]:
        """Return the probability of each category for a question's unit vector, float32 of shape (dimension,)."""
        logits = embedding @ self._weights + self._bias
        exponentials = np.exp(logits - logits.max())
        return dict(zip(MMLU_CATEGORIES, (exponentials / exponentials.sum()).tolist(), strict=True))


def fit(vectors: Vectors, labels: Sequence[int]) -> DomainModel:
    """Return the classifier for examples with these unit vectors, float32 of shape (examples, dimension).

    Deterministic; takes about half a second. Blocks, so call it in a thread.
    """
    targets = np.asarray(labels)
    # Every fold has a share of every category, for the examples are ordered by category.
    fold = np.arange(len(targets)) % _FOLDS
    held_out = np.zeros((len(targets), len(MMLU_CATEGORIES)), np.float32)
    for number in range(_FOLDS):
        weights, bias = _regress(vectors[fold != number], targets[fold != number])
        held_out[fold == number] = vectors[fold == number] @ weights + bias
    losses = [_loss(held_out / temperature, targets) for temperature in _TEMPERATURES.astype(np.float32)]
    weights, bias = _regress(vectors, targets)
    return DomainModel(weights, bias, float(_TEMPERATURES[int(np.argmin(losses))]))


def _regress(rows: Vectors, targets: NDArray[np.int_]) -> tuple[Vectors, Vectors]:
    """Minimise the penalised cross-entropy by Nesterov's accelerated gradient descent."""
    wanted = np.eye(len(MMLU_CATEGORIES), dtype=np.float32)[targets]
    columns = np.ascontiguousarray(rows.T)
    # Unit vectors and an intercept: the gradient's Lipschitz constant is at most half of 1 + 1, plus the penalty.
    step = np.float32(1.0 / (1.0 + _PENALTY))
    weights: Vectors = np.zeros((rows.shape[1], wanted.shape[1]), np.float32)
    bias: Vectors = np.zeros(wanted.shape[1], np.float32)
    penalty = np.float32(_PENALTY)
    ahead: Vectors = weights
    bias_ahead: Vectors = bias
    momentum = 1.0
    for _ in range(_STEPS):
        error = (_softmax(rows @ ahead + bias_ahead) - wanted) / np.float32(len(rows))
        next_weights = ahead - step * (columns @ error + penalty * ahead)
        next_bias = bias_ahead - step * error.sum(axis=0)
        next_momentum = (1 + math.sqrt(1 + 4 * momentum * momentum)) / 2
        push = np.float32((momentum - 1) / next_momentum)
        ahead = next_weights + push * (next_weights - weights)
        bias_ahead = next_bias + push * (next_bias - bias)
        weights, bias, momentum = next_weights, next_bias, next_momentum
    return weights, bias


def _softmax(logits: Vectors) -> Vectors:
    exponentials: Vectors = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Vectors = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def _loss(logits: Vectors, targets: NDArray[np.int_]) -> float:
    return float(-np.log(_softmax(logits)[np.arange(len(targets)), targets] + 1e-12).mean())
