"""Text to unit vectors: a BERT graph on onnxruntime, sentence-transformers, or a remote endpoint."""
