"""What others make, as it really is: milvus-operator and MinIO built from their Go modules, run against our own.

`python -m tests.third_party` builds them. Slow when cold, so these tests are not part of `make test`:
`make test-third-party` runs them.
"""
