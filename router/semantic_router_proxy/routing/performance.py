"""How the models have done lately: what choosing by latency or cost goes by, and which models fail."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median

# Older measurements say nothing about now. A model that is no longer chosen is measured again after this time.
_SECONDS = 300.0
_MOST = 256
# Enough attempts to call a model a failing one, and the share of failures that makes it one.
_FEWEST_ATTEMPTS = 5
_FAILING = 0.5
# What an answer is taken to be long, in tokens, before there is one.
_USUAL_ANSWER = 256.0


class Performance:
    """Measurements of the last five minutes, at most 256 of a kind for each model. They survive a reload."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first_bytes: dict[str, deque[tuple[float, float]]] = {}
        self._attempts: dict[str, deque[tuple[float, float]]] = {}
        self._lengths: dict[str, deque[tuple[float, float]]] = {}

    def first_byte(self, model: str, seconds: float) -> None:
        self._add(self._first_bytes, model, seconds)

    def attempted(self, model: str, outcome: str) -> None:
        """Take note of a call by its outcome: a status, `timeout` or `unreachable`.

        The caller's own errors (4xx) are no failures of the model; 429 is one.
        """
        failed = not outcome.isdigit() or outcome == "429" or outcome.startswith("5")
        self._add(self._attempts, model, float(failed))

    def answered(self, model: str, completion_tokens: int) -> None:
        if completion_tokens:
            self._add(self._lengths, model, completion_tokens)

    def latency(self, model: str) -> float | None:
        """Return the median time to the first byte in seconds; None where there is no measurement."""
        values = self._recent(self._first_bytes, model)
        return median(values) if values else None

    def answer_tokens(self, model: str) -> float:
        """Return how long the model's answers are on average, in tokens."""
        values = self._recent(self._lengths, model)
        return sum(values) / len(values) if values else _USUAL_ANSWER

    def error_share(self, model: str) -> float:
        """Return the share of calls that failed, 0 where there were too few to tell."""
        values = self._recent(self._attempts, model)
        return sum(values) / len(values) if len(values) >= _FEWEST_ATTEMPTS else 0.0

    def failing(self, model: str) -> bool:
        return self.error_share(model) >= _FAILING

    def _add(self, kind: dict[str, deque[tuple[float, float]]], model: str, value: float) -> None:
        kind.setdefault(model, deque(maxlen=_MOST)).append((self._clock(), value))

    def _recent(self, kind: dict[str, deque[tuple[float, float]]], model: str) -> list[float]:
        values = kind.get(model)
        if not values:
            return []
        oldest = self._clock() - _SECONDS
        while values and values[0][0] < oldest:
            values.popleft()
        return [value for _, value in values]
