"""A retry budget: retries stay a small share of all calls, so that they cannot drown a server that struggles."""


class RetryBudget:
    """Each call earns `share` of a retry, up to `most` saved ones (the scheme of Finagle and Envoy)."""

    def __init__(self, share: float = 0.2, most: float = 20.0) -> None:
        self._share = share
        self._most = most
        self._saved = most

    def earn(self) -> None:
        self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Take one retry from the budget; False where none is left."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
