"""A trial of a store: an entry of a partition of its own is written, found by its id and by likeness, and let go."""

import asyncio
import secrets
import time

import numpy as np

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, Vector
from semantic_router_proxy.cache.store import EntryStore, StoreUnavailable

# With every consistency level but Strong a write is found a moment later.
_VISIBLE_SECONDS = 15.0
_PAUSE_SECONDS = 0.1
# For an entry that a killed trial leaves behind.
_LIFE_SECONDS = 300.0


async def try_out(store: EntryStore, dimension: int) -> float:
    """Return the seconds from the write until the entry was found. Raises StoreUnavailable with what did not work."""
    mark, begin = secrets.token_hex(16), time.time()
    vector: Vector = np.random.default_rng().standard_normal(dimension).astype(np.float32)
    header = EntryHeader(
        entry_id=mark, partition=mark, exact_key=mark, scope="", model="", query="trial", semantic=True,
        created_at=begin, expires_at=begin + _LIFE_SECONDS,
    )  # fmt: skip
    vector /= np.linalg.norm(vector)
    trial = CacheEntry(header, b"{}", f'{{"trial":"{mark}"}}'.encode(), vector)
    if mark not in await store.put([trial]):
        raise StoreUnavailable("an entry was written, and the store does not hold it")
    try:
        while not await _found(store, trial, vector):
            if time.time() - begin > _VISIBLE_SECONDS:
                raise StoreUnavailable(f"an entry was written, and not found again in {_VISIBLE_SECONDS:g} s")
            await asyncio.sleep(_PAUSE_SECONDS)
        return time.time() - begin
    finally:
        await store.expire([mark])


async def _found(store: EntryStore, trial: CacheEntry, vector: Vector) -> bool:
    mark, now = trial.header.entry_id, time.time()
    read = await store.get(mark)
    if read is None or read.response != trial.response:
        return False
    alike = await store.search(trial.header.partition, vector, 1, now)
    return [each.header.entry_id for each in alike] == [mark]
