"""onnxruntime's builds carry a telemetry client; ours never wakes it."""

import os
import subprocess
import sys
from pathlib import Path

_WATCHED_IMPORT = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))

sys.meta_path.insert(0, Watch())
import semantic_router_proxy.embedding.onnx
"""


def test_the_embedder_leaves_no_trace_of_telemetry(tmp_path: Path) -> None:
    """onnxruntime reads the switch while it is imported; its client, where it runs, leaves `.ses` in TMPDIR.

    Whether the client runs at all depends on the machine, so the switch is looked at as well as the trace.
    """
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", _WATCHED_IMPORT]
    done = subprocess.run(
        command, env={**environment, "TMPDIR": str(tmp_path)}, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["1"]
    assert list(tmp_path.iterdir()) == []
