"""The store on Milvus: a server, a cluster, or Milvus Lite inside the router."""
