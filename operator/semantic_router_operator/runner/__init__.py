"""Runs the verbs of a backup in the Jobs' pods: object store, Milvus, milvus-backup. The operator never imports it."""
