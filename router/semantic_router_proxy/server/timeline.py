"""Requests over the last minutes, for the dashboard's picture."""

from collections import deque

SECONDS = 5
BUCKETS = 120


class Timeline:
    """Counts outcomes in buckets of five seconds, ten minutes back. Times are Unix seconds."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, dict[str, int]]] = deque(maxlen=BUCKETS)

    def add(self, at: float, outcome: str) -> None:
        number = int(at) // SECONDS
        if not self._buckets or self._buckets[-1][0] < number:
            self._buckets.append((number, {}))
        counts = self._buckets[-1][1]
        counts[outcome] = counts.get(outcome, 0) + 1

    def series(self, now: float) -> list[dict[str, int]]:
        """Return the counts of every bucket up to now, the oldest first, empty ones included."""
        last = int(now) // SECONDS
        known = dict(self._buckets)
        return [known.get(number, {}) for number in range(last - BUCKETS + 1, last + 1)]
