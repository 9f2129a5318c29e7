"""`semantic-router check-connection`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from semantic_router_proxy.commands.problems import report
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.config.problems import ConfigError, Problem

# Between two attempts with --wait.
_PAUSE_SECONDS = 2.0


def check_connection(
    config: Annotated[Path, typer.Option("--config", help="The router's configuration file.")],
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for each step.")] = 5.0,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to try again for, until Milvus is reached.")] = 0.0,
) -> None:
    """Go the way to Milvus step by step: name, port, TLS, login, collection. Changes nothing there.

    Exit code 0: it is reached, 1: it is not, and the line says why, 2: the configuration cannot be used.
    """
    try:
        milvus = _milvus(config)
    except ConfigError as error:
        raise typer.Exit(report(error)) from None
    deadline = time.monotonic() + wait
    while not _reached(milvus, timeout, last=time.monotonic() + _PAUSE_SECONDS >= deadline):
        if time.monotonic() + _PAUSE_SECONDS >= deadline:
            raise typer.Exit(1)
        time.sleep(_PAUSE_SECONDS)


def _milvus(file: Path) -> MilvusConfig:
    loaded = load_config(file)
    if loaded.milvus is None:
        raise ConfigError([Problem(file, "semantic_cache.backend_type", "has no Milvus to connect to", value="memory")])
    if loaded.milvus.connection.uri:
        where = loaded.milvus_file or file
        raise ConfigError([Problem(where, "connection.uri", "only host and port can be looked at")])
    return loaded.milvus


def _reached(milvus: MilvusConfig, seconds: float, *, last: bool) -> bool:
    """Whether every step went well; only the last attempt prints the one that did not as a failure."""
    # Late: pymilvus takes a second to load, and a wrong configuration should be told at once.
    from semantic_router_proxy.cache.milvus.reach import NotReachedError, reach

    try:
        for step in reach(milvus, seconds):
            typer.echo(f"{step.name:<11}{step.found} ({step.seconds * 1e3:.0f} ms)")
    except NotReachedError as error:
        end = "" if last else "; trying again"
        typer.echo(f"semantic-router check-connection: {error.step}: {error}{end}", err=True)
        return False
    return True
