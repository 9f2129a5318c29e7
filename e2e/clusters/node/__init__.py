"""A single Kubernetes node without Docker, in namespaces of its own, that leaves nothing behind.

`python -m e2e.clusters.node up|down|load IMAGE...|run COMMAND...`. Everything that the node starts is a descendant of
one process, the first of its PID namespace: when that ends, the kernel ends the rest, and mounts, interfaces and
packet filter rules go with their namespaces.
"""
