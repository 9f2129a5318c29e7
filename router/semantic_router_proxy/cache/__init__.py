"""The cache: which answers may be reused (keys, policy, guard), and where they are kept (memory, Milvus, both)."""
