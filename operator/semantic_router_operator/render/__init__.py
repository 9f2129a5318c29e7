"""From a resource and what the cluster offers to Kubernetes objects. Pure: the same input gives the same bytes."""
