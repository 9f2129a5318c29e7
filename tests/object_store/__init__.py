"""An S3 server for the tests: moto's, as a process of its own, with signatures, rights, TLS, and faults on demand."""
