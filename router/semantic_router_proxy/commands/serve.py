"""`semantic-router serve`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from semantic_router_proxy.commands.problems import report
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.problems import ConfigError


def serve(
    config: Annotated[Path, typer.Option(help="The router's configuration file.")],
    host: Annotated[str | None, typer.Option(help="Address to listen on; none: as configured.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API; 0: any.")] = None,
    admin_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the dashboard.")] = None,
    metrics_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the metrics.")] = None,
) -> None:
    """Answer requests until SIGTERM, then let running answers finish."""
    # The server's libraries take a moment to import; `--help` and a bad configuration need not wait for them.
    import uvloop

    from semantic_router_proxy.cache.store import StoreMismatch
    from semantic_router_proxy.embedding.base import EmbeddingError
    from semantic_router_proxy.server import serve as server
    from semantic_router_proxy.server.logs import set_up_logs

    try:
        loaded = load_config(config)
        for warning in loaded.warnings:
            typer.echo(f"warning: {warning}", err=True)
        set_up_logs(loaded.router.log)
        uvloop.run(server.serve(loaded, server.Addresses(host, port, admin_port, metrics_port)))
    except ConfigError as error:
        raise typer.Exit(report(error)) from None
    except (EmbeddingError, StoreMismatch) as error:
        typer.echo(f"semantic-router: {error}", err=True)
        sys.exit(2)
    except server.ListenError as error:
        typer.echo(f"semantic-router: {error}", err=True)
        sys.exit(1)
