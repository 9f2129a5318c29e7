"""`semantic-router check-config`."""

from pathlib import Path
from typing import Annotated

import typer

from semantic_router_proxy.commands.problems import report
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.problems import ConfigError


def check_config(
    file: Annotated[Path, typer.Argument(help="The router's configuration file.")],
    strict: Annotated[bool, typer.Option("--strict", help="A warning is an error, too.")] = False,
) -> None:
    """Check a configuration and the files that it names. Exit code 0: it can be used, 2: it cannot."""
    try:
        loaded = load_config(file)
    except ConfigError as error:
        raise typer.Exit(report(error)) from None
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if strict and loaded.warnings:
        raise typer.Exit(2)
    router = loaded.router
    cache = router.semantic_cache
    typer.echo(
        f"{file} is good: {len(router.providers)} providers, {len(router.models)} models, "
        f"{len(router.decisions)} decisions, cache {cache.backend_type if cache.enabled else 'off'}"
    )
