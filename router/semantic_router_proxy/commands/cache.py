"""`semantic-router cache`: look at a cache and change it."""

import typer

from semantic_router_proxy.commands.reembed import reembed
from semantic_router_proxy.commands.tune import tune

app = typer.Typer(help="Look at a cache and change it.", no_args_is_help=True)


@app.callback()
def cache() -> None:
    """Look at a cache and change it."""


app.command()(reembed)
app.command()(tune)
