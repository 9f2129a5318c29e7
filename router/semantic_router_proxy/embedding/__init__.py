"""Text to unit vectors: a BERT graph on onnxruntime, sentence-transformers, or a remote endpoint."""

import os

# onnxruntime's own builds report usage to its maker unless this is set before they are loaded. A gateway that sees
# people's questions talks to nobody but the servers in its configuration.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
