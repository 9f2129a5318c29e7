"""Vector indexes against brute force, through growth, deletion and the change from scan to graph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_router_proxy.cache.index import partitioned
from semantic_router_proxy.cache.index.exact import ExactIndex
from semantic_router_proxy.cache.index.graph import GraphIndex, GraphSettings
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.index.projection import Projection, learn

DIMENSION = 16
SETTINGS = GraphSettings(m=16, ef_construction=100, ef_search=64)


def _units(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 30)), max_size=80))
def test_the_exact_index_equals_brute_force(operations: list[tuple[str, int]]) -> None:
    vectors = _units(31)
    index, oracle = ExactIndex(DIMENSION), {}
    for operation, label in operations:
        if operation == "remove":
            index.remove(label)
            oracle.pop(label, None)
        elif label not in oracle:
            index.add(label, vectors[label])
            oracle[label] = vectors[label]
    query = _units(1, seed=9)[0]
    expected = sorted(((float(vector @ query), label) for label, vector in oracle.items()), reverse=True)
    found = index.search(query, 5)
    assert len(index) == len(oracle)
    assert [label for label, _ in found] == [label for _, label in expected[:5]]
    assert [similarity for _, similarity in found] == pytest.approx([s for s, _ in expected[:5]], abs=1e-5)


def test_a_graph_never_throws_however_much_is_deleted() -> None:
    vectors = _units(500)
    graph = GraphIndex(Projection(DIMENSION), 500, SETTINGS)
    graph.add_many(list(range(500)), vectors, threads=1)
    for label in range(499):
        graph.remove(label)
        assert all(found >= label + 1 for found, _ in graph.search(vectors[label], 10))
    assert graph.search(vectors[0], 10)[0][0] == 499
    graph.remove(499)
    assert graph.search(vectors[0], 10) == []
    assert graph.rows(list(range(500)))[0] == []


async def test_a_partition_becomes_a_graph_when_it_is_large_and_keeps_finding() -> None:
    vectors = _units(400)
    index = PartitionedIndex(DIMENSION, SETTINGS, exact_limit=100)
    for label, vector in enumerate(vectors):
        index.add("p", label, vector)
    await index.settled()
    assert len(index) == 400
    hits = sum(index.search("p", vector, 1)[0][0] == label for label, vector in enumerate(vectors))
    assert hits >= 396
    assert index.search("other", vectors[0], 3) == []
    await index.close()


async def test_changes_during_a_rebuild_are_kept() -> None:
    vectors = _units(300)
    index = PartitionedIndex(DIMENSION, SETTINGS, exact_limit=100)
    for label in range(101):
        index.add("p", label, vectors[label])
    # The graph is in the making now: nothing has been awaited yet.
    for label in range(101, 200):
        index.add("p", label, vectors[label])
    index.remove("p", 5)
    index.remove("p", 150)
    await index.settled()
    assert len(index) == 198
    found = {label for label, _ in index.search("p", vectors[5], 198)}
    assert not found & {5, 150}
    assert index.search("p", vectors[199], 1)[0][0] == 199
    await index.close()


async def test_a_graph_with_many_deletions_is_made_anew_and_shrinks_to_a_scan() -> None:
    vectors = _units(300)
    times: list[float] = []
    index = PartitionedIndex(DIMENSION, SETTINGS, exact_limit=100, built=times.append)
    for label in range(300):
        index.add("p", label, vectors[label])
    await index.settled()
    assert times
    assert min(times) > 0
    for label in range(290):
        index.remove("p", label)
    await index.settled()
    assert [label for label, _ in index.search("p", vectors[295], 1)] == [295]
    assert {label for label, _ in index.search("p", vectors[0], 50)} == set(range(290, 300))
    await index.close()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=150), st.integers(4, 40))
async def test_partitions_equal_brute_force_through_everything(operations: list[tuple[bool, int]], limit: int) -> None:
    vectors = _units(61)
    index, oracle, used = PartitionedIndex(DIMENSION, SETTINGS, exact_limit=limit), set(), set()
    for add, label in operations:
        if add and label not in used:
            index.add("p", label, vectors[label])
            oracle.add(label)
            used.add(label)
        elif not add:
            index.remove("p", label)
            oracle.discard(label)
    assert len(index) == len(oracle)
    await index.settled()
    assert len(index) == len(oracle)
    assert {label for label, _ in index.search("p", vectors[0], 61)} <= oracle
    if oracle:
        nearest = max(oracle, key=lambda label: float(vectors[label] @ vectors[3]))
        assert index.search("p", vectors[3], 1)[0][0] == nearest
    await index.close()


async def test_a_row_enters_a_new_graph_once(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[int] = []
    add_many = GraphIndex.add_many

    def recorded(graph: GraphIndex, labels: list[int], vectors: np.ndarray, threads: int) -> None:
        entered.extend(labels)
        add_many(graph, labels, vectors, threads)

    monkeypatch.setattr(GraphIndex, "add_many", recorded)
    index = PartitionedIndex(DIMENSION, SETTINGS, exact_limit=50)
    for label, vector in enumerate(_units(400)):
        index.add("p", label, vector)
    await index.settled()
    await index.close()
    assert sorted(entered) == list(range(400))


async def test_directions_are_learned_again_where_most_rows_came_during_a_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned: list[int] = []

    def noted(sample: np.ndarray) -> Projection:
        learned.append(len(sample))
        if len(learned) == 1:
            # They come while the first rows are on their way into a graph.
            for label in range(100, 500):
                index.add("p", label, vectors[label])
        return learn(sample)

    monkeypatch.setattr(partitioned, "learn", noted)
    vectors = _units(500)
    index = PartitionedIndex(DIMENSION, SETTINGS, exact_limit=50)
    for label in range(100):
        index.add("p", label, vectors[label])
    await index.settled()
    assert learned == [100, 500]
    assert all(index.search("p", vectors[label], 1)[0][0] == label for label in range(0, 500, 50))
    await index.close()
