"""Which search parameter a collection needs: recall against brute force, and how long a search takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymilvus import MilvusClient

from semantic_router_proxy.cache.entry import Vector
from semantic_router_proxy.cache.milvus.client import Connection
from semantic_router_proxy.cache.milvus.scan import BATCH_ROWS
from semantic_router_proxy.config.milvus import MilvusConfig

# The parameter that trades recall for time, by index type. The other types have none.
PARAMETERS = {
    "HNSW": "ef",
    "IVF_FLAT": "nprobe",
    "IVF_SQ8": "nprobe",
    "IVF_PQ": "nprobe",
    "SCANN": "nprobe",
    "DISKANN": "search_list",
}
_VALUES = {
    "ef": (10, 16, 32, 64, 128, 256, 512),
    "nprobe": (1, 2, 4, 8, 16, 32, 64, 128, 256),
    "search_list": (16, 32, 64, 100, 200, 400),
}
# Paraphrases lie about so far from the stored question: cosine 0.9.
_NOISE = 0.48
_REQUESTS = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of the collection: ids, partitions, and unit vectors, float32 of shape (n, dimension)."""

    ids: list[str]
    partitions: NDArray[np.str_]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Measured:
    """One value of the parameter: the share of the true nearest that are found, and milliseconds of a search."""

    value: int
    recall: float
    p50_ms: float
    p95_ms: float


class Tuning:
    """Measures one collection. Every method raises StoreUnavailable where Milvus is away."""

    def __init__(self, config: MilvusConfig) -> None:
        self._config = config
        self._name = config.collection.name
        self._vector_field = config.collection.vector_field.name
        self._connection = Connection(config)

    async def read(self, most: int) -> Sample:
        """Read the vectors that searches go through, at most so many."""

        def scan(client: MilvusClient) -> Sample:
            client.load_collection(self._name)
            ids: list[str] = []
            partitions: list[str] = []
            vectors: list[NDArray[np.float32]] = []
            iterator = client.query_iterator(
                self._name,
                batch_size=min(BATCH_ROWS, most),
                limit=most,
                filter="semantic == true",
                output_fields=["id", "partition", self._vector_field],
            )
            try:
                while batch := iterator.next():
                    ids += [str(row["id"]) for row in batch]
                    partitions += [str(row["partition"]) for row in batch]
                    vectors.append(np.array([row[self._vector_field] for row in batch], dtype=np.float32))
            finally:
                iterator.close()
            found = np.concatenate(vectors) if vectors else np.empty((0, 0), dtype=np.float32)
            return Sample(ids, np.array(partitions), found)

        return await self._connection.run(scan, self._config.connection.timeout, _REQUESTS)

    async def measure(self, sample: Sample, queries: int, value: int) -> Measured:
        """Search for questions near stored ones, each in its partition, and compare with brute force."""
        chosen = np.random.default_rng(0).permutation(len(sample.ids))[:queries]
        found, times = 0.0, []
        for number in chosen:
            asked = nearby(sample.vectors[number], int(number))
            partition = str(sample.partitions[number])
            begin = time.perf_counter()
            ids = await self._search(asked, partition, value)
            times.append((time.perf_counter() - begin) * 1e3)
            true = nearest(sample, asked, partition, self._config.search.topk)
            found += len(set(ids) & set(true)) / len(true)
        p50, p95 = np.percentile(times, [50, 95])
        return Measured(value, found / len(chosen), float(p50), float(p95))

    def values(self) -> Sequence[int]:
        """Return the values to try, in ascending order; none where the index has no such parameter."""
        index = self._config.collection.index
        parameter = PARAMETERS.get(index.type)
        if parameter is None:
            return ()
        least = self._config.search.topk if parameter in ("ef", "search_list") else 1
        most = index.params.get("nlist", 128) if parameter == "nprobe" else 10**6
        return sorted({min(max(value, least), most) for value in _VALUES[parameter]})

    async def close(self) -> None:
        await self._connection.close()

    async def _search(self, asked: Vector, partition: str, value: int) -> list[str]:
        parameter = PARAMETERS[self._config.collection.index.type]

        def search(client: MilvusClient) -> list[str]:
            hits = client.search(
                self._name,
                data=[asked],
                anns_field=self._vector_field,
                filter=f'partition == "{partition}" and semantic == true',
                limit=self._config.search.topk,
                output_fields=["id"],
                search_params={
                    "metric_type": self._config.collection.vector_field.metric_type,
                    "params": {parameter: value},
                },
                consistency_level=self._config.search.consistency_level,
            )
            return [str(hit["id"]) for hit in hits[0]]

        return await self._connection.run(search, self._config.connection.timeout)


def nearby(vector: Vector, seed: int) -> Vector:
    """Return a unit vector about as far from the given one as another wording of its question."""
    noise = np.random.default_rng(seed).normal(size=vector.shape)
    asked = vector + _NOISE * noise / np.linalg.norm(noise)
    result: Vector = (asked / np.linalg.norm(asked)).astype(np.float32)
    return result


def nearest(sample: Sample, asked: Vector, partition: str, k: int) -> list[str]:
    """Return the ids of the k true nearest of a partition by brute force."""
    members = np.flatnonzero(sample.partitions == partition)
    order = np.argsort(-(sample.vectors[members] @ asked), kind="stable")[:k]
    return [sample.ids[members[place]] for place in order]


def recommended(measured: Sequence[Measured], target: float) -> Measured:
    """Return the smallest value that reaches the recall, else the one with the best recall."""
    reaching = [each for each in measured if each.recall >= target]
    return min(reaching, key=lambda each: each.value) if reaching else max(measured, key=lambda each: each.recall)
