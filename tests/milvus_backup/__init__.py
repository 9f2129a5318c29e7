"""A stand-in for milvus-backup where the real one cannot be had: it really saves rows to an object store and brings
them back, and fails as the real one (0.5) is known to."""
