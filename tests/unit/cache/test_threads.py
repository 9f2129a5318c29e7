"""How many threads make a graph, by what a container is given."""

import os
import subprocess
import sys

import pytest

from semantic_router_proxy.cache.index.threads import build_threads, threads_within


@pytest.mark.parametrize(
    ("limit", "threads"),
    [
        ("", 8),
        ("max 100000\n", 8),
        ("400000 100000\n", 3),
        ("200000 100000\n", 1),
        ("50000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("nonsense", 8),
    ],
)
def test_one_processor_of_a_limited_container_is_left_to_requests(limit: str, threads: int) -> None:
    assert threads_within(limit, 8) == threads


def test_there_is_a_thread_on_this_machine() -> None:
    assert build_threads() >= 1


def test_numpy_does_not_wait_for_other_processors() -> None:
    program = (
        "import os, semantic_router_proxy.cache.index.exact, numpy;"
        "rows = numpy.ones((4000, 400), dtype=numpy.float32); rows @ rows[0];"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
