"""Reading a collection in the order of writing, page by page, although Milvus gives query results in no order.

The times of all rows that follow are read first, in one pass; each page is then a query for a stretch of time. Every
row is thus read once, however many there are. Functions here run in a thread with a connected client.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymilvus import MilvusClient

from semantic_router_proxy.cache.store import Difference

# The most rows that a server gives for one request.
BATCH_ROWS = 16_384
# A pass over a million rows is some sixty requests; each is limited by itself as well.
PASS_REQUESTS = 100


def _no_times() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` in no order; `last` is the youngest time read, `complete` says that no row was younger."""

    rows: list[dict[str, Any]]
    last: int
    complete: bool


@dataclass(slots=True)
class TimeOrderedScan:
    """A scan and where it stands. A call that continues the last one needs no new pass over the times."""

    collection: str
    consistency_level: str
    _times: NDArray[np.int64] = field(default_factory=_no_times)
    _after: int | None = None

    def page(self, client: MilvusClient, after: int, limit: int, fields: Sequence[str]) -> Page:
        """Return about `limit` rows written after `after` (microseconds); all rows of one time are in one page."""
        if after != self._after or not len(self._times):
            self._times = self._read_times(client, after)
        times, self._times = self._times, _no_times()
        self._after = after
        if not len(times):
            return Page([], after, complete=True)
        last = int(times[min(limit, len(times)) - 1])
        rows = client.query(
            self.collection,
            filter=f"written_at > {after} and written_at <= {last}",
            output_fields=list(fields),
            consistency_level=self.consistency_level,
        )
        self._times = times[np.searchsorted(times, last, side="right") :]
        self._after = last
        return Page([dict(row) for row in rows], last, complete=not len(self._times))

    def requests(self, after: int) -> int:
        """Return how many requests' time the next page may take."""
        return 1 if after == self._after and len(self._times) else PASS_REQUESTS

    def _read_times(self, client: MilvusClient, after: int) -> NDArray[np.int64]:
        """Return the times of all rows written after, in ascending order."""
        batches = []
        iterator = client.query_iterator(
            self.collection,
            batch_size=BATCH_ROWS,
            filter=f"written_at > {after}",
            output_fields=["written_at"],
            consistency_level=self.consistency_level,
        )
        try:
            while batch := iterator.next():
                batches.append(np.fromiter((int(row["written_at"]) for row in batch), np.int64, len(batch)))
        finally:
            iterator.close()
        return np.sort(np.concatenate(batches)) if batches else _no_times()


def compare_ids(client: MilvusClient, collection: str, condition: str, known: frozenset[str]) -> Difference:
    """Return which of the known ids no row has that meets the condition, and which such rows are not known."""
    gone, new = set(known), []
    iterator = client.query_iterator(
        collection, batch_size=BATCH_ROWS, filter=condition, output_fields=["id"], consistency_level="Strong"
    )
    try:
        while batch := iterator.next():
            ids = {str(row["id"]) for row in batch}
            gone -= ids
            new += sorted(ids - known)
    finally:
        iterator.close()
    return Difference(frozenset(gone), new)
