"""What a processor that hnswlib is not compiled for is told."""

import os
import subprocess
import sys
from pathlib import Path

from semantic_router_proxy.cache.index.processor import UnsuitableProcessorError, explained

# Word for word from glibc 2.36, for a library whose header asks for more than the processor has.
REFUSAL = "hnswlib.cpython-311-x86_64-linux-gnu.so: CPU ISA level is lower than required"


def test_a_refusal_of_the_processor_names_the_way_out() -> None:
    error = explained(ImportError(REFUSAL))
    assert isinstance(error, UnsuitableProcessorError)
    assert "`make setup`" in str(error)
    assert "`--build-arg HNSWLIB_ARCH=`" in str(error)


def test_another_failure_to_load_is_left_as_it_is() -> None:
    error = ImportError("libgomp.so.1: cannot open shared object file")
    assert explained(error) is error


def test_the_command_line_says_it_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "hnswlib.py").write_text(f"raise ImportError({REFUSAL!r})\n")
    config = tmp_path / "config.yaml"
    config.write_text("{}\n")
    done = subprocess.run(
        [sys.executable, "-m", "semantic_router_proxy.cli", "serve", "--config", str(config)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("semantic-router: hnswlib is compiled for newer processors")
    assert done.stderr.count("\n") == 1
