"""Write what sentence-transformers makes of texts.json: tests/unit/embedding/reference.npz.

Run as `python -m tests.sentence_transformers.reference` in the environment that tests/sentence_transformers/run makes.
"""

import numpy as np

from semantic_router_proxy.embedding.model_files import find_model_files
from sentence_transformers import SentenceTransformer
from tests.sentence_transformers.texts import REFERENCE, read_texts

if __name__ == "__main__":
    model = SentenceTransformer(str(find_model_files(None).folder), device="cpu")
    # One text a run: padding would change the last digits.
    vectors = model.encode(read_texts(), batch_size=1, normalize_embeddings=True, show_progress_bar=False)
    np.savez_compressed(REFERENCE, vectors=vectors.astype(np.float32))
