"""What an on-call engineer would look at, one module a failure. Pure: a `Survey` in, findings out."""
