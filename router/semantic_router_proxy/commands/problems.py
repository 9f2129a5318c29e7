"""How a bad configuration is told to a person."""

import typer

from semantic_router_proxy.config.problems import ConfigError

BAD_CONFIG = 2


def report(error: ConfigError) -> int:
    """Print each problem on a line of its own; return the exit code."""
    for problem in error.problems:
        typer.echo(f"error: {problem}", err=True)
    return BAD_CONFIG
