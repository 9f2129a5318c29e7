"""A stand-in for milvus-operator 1.3, as it was observed on a real API server with its webhooks off: 1.3.8 once, 1.3.7
whenever `make test-third-party` runs.

`python -m tests.milvus_operator --kubeconfig FILE`. It makes the objects that milvus-operator makes, writes defaults
back into the spec, reports conditions over time, freezes where the real one freezes, and deletes by policy. Where no
kubelet is, it does its part as well (`--kubelet`); where one is, pods run the image that is given. Failures are asked
for by annotations on the Milvus resource: see `tests.milvus_operator.faults`.
"""
