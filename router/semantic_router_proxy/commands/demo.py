"""`semantic-router demo`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from semantic_router_proxy.demo.processes import DemoError
from semantic_router_proxy.demo.run import DemoOptions, run_demo

_WIDTH = 120


def demo(
    custom_resource: Annotated[
        Path, typer.Argument(help="A SemanticRouter resource; each provider is replaced by the demo's model server.")
    ] = Path("examples/quickstart.yaml"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the OpenAI-compatible API.")] = 8801,
    admin_port: Annotated[int, typer.Option(help="Port of the dashboard and the admin API.")] = 8080,
    metrics_port: Annotated[int, typer.Option(help="Port of the metrics.")] = 9190,
) -> None:
    """Run a SemanticRouter resource on this machine and watch its cache answer.

    SEMANTIC_ROUTER_UPSTREAM=URL takes a real OpenAI-compatible server in place of the stand-in, with the key in
    SEMANTIC_ROUTER_UPSTREAM_KEY and, where its models have other names than the resource's, those in
    SEMANTIC_ROUTER_UPSTREAM_MODELS (comma-separated, in the resource's order).
    """
    # Without a terminal rich would fold everything to 80 columns.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        kept = asyncio.run(run_demo(DemoOptions(custom_resource, host, port, admin_port, metrics_port), console))
    except DemoError as error:
        Console(stderr=True).print(f"[bold red]The demo stopped:[/bold red] {error}", highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if not kept:
        raise typer.Exit(1)
