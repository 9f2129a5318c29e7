"""Measures the cache: how often it answers, how often wrongly, how fast."""
