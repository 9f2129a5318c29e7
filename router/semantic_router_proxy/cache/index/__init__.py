"""Vectors in memory: one index for each partition, scanned exactly while small, an HNSW graph when large."""
