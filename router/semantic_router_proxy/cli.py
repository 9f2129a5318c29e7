"""The command line: each command has its own module under commands/."""

import sys

import typer

from semantic_router_proxy.cache.index.processor import UnsuitableProcessorError
from semantic_router_proxy.commands import cache, model
from semantic_router_proxy.commands.check_config import check_config
from semantic_router_proxy.commands.check_connection import check_connection
from semantic_router_proxy.commands.demo import demo
from semantic_router_proxy.commands.explain import explain
from semantic_router_proxy.commands.serve import serve
from semantic_router_proxy.version import __version__

app = typer.Typer(
    name="semantic-router",
    help="A semantic LLM router with a hybrid cache.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """A semantic LLM router with a hybrid cache."""


app.command()(serve)
app.command(name="check-config")(check_config)
app.command(name="check-connection")(check_connection)
app.command()(explain)
app.command()(demo)
app.add_typer(cache.app, name="cache")
app.add_typer(model.app, name="model")


def main() -> None:
    try:
        app()
    except UnsuitableProcessorError as error:
        typer.echo(f"semantic-router: {error}.", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
