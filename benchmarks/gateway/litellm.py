"""LiteLLM's proxy from its wheel, in an environment of its own in the user's cache folder."""

from pathlib import Path

from benchmarks.environment import programs_of

PINS = Path(__file__).with_name("litellm.txt")


def installed() -> Path:
    """Return the proxy's program."""
    return programs_of("LiteLLM", PINS) / "litellm"
