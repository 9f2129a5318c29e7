"""onnxruntime's builds carry a telemetry client; ours never wakes it."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_embedder_leaves_no_trace_of_telemetry(tmp_path: Path) -> None:
    """With telemetry on, importing onnxruntime alone writes its session file `.ses` into the temporary folder."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}

    def files_after(code: str) -> list[str]:
        folder = tmp_path / str(len(code))
        folder.mkdir()
        subprocess.run([sys.executable, "-c", code], env={**environment, "TMPDIR": str(folder)}, check=True)
        return [each.name for each in folder.iterdir()]

    assert files_after("import onnxruntime") == [".ses"], "the test would not notice telemetry"
    assert files_after("import semantic_router_proxy.embedding.onnx") == []
