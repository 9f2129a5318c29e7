"""The router: an OpenAI-compatible proxy that routes by meaning and answers repeated questions from its cache."""

import os

# numpy's OpenBLAS spreads a product of a few hundred rows over all processors and waits for the last of them: a scan
# of 0.2 ms takes 20 ms where the others are busy or a container may use two of sixty-four. Read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
