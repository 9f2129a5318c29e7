"""The router's configuration: one set of models, read by the router and written by the operator.

`load.load_config` reads a file; `root.RouterConfig` and `milvus.MilvusConfig` are what it gives. Nothing in here
does more than read the files that it is told to read.
"""
