"""A small OpenAI-compatible model server: deterministic answers after a realistic delay, and failures on request.

The demo, the tests and the benchmarks talk to it over real HTTP in place of a model.
"""
