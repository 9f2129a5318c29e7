"""`semantic-router cache`: look at a cache and change it, in a running router or, while none runs, in its store."""

import typer

from semantic_router_proxy.commands import cache_entries, cache_restore, cache_transfer
from semantic_router_proxy.commands.reembed import reembed
from semantic_router_proxy.commands.tune import tune

app = typer.Typer(help="Look at a cache and change it.", no_args_is_help=True)


@app.callback()
def cache() -> None:
    """Look at a cache and change it.

    --url asks a running router (its admin port); the token comes from --token-file or the variable
    SEMANTIC_ROUTER_ADMIN_TOKEN. --config opens the store of a router that is not running (a Milvus server may be
    shared with running ones). Exit codes: 0 done, 1 it failed or nothing was found, 2 wrong use or configuration.
    """


app.command()(cache_entries.stats)
app.command(name="list")(cache_entries.list_entries)
app.command()(cache_entries.get)
app.command()(cache_entries.delete)
app.command()(cache_entries.invalidate)
app.command(name="export")(cache_transfer.export)
app.command(name="import")(cache_transfer.import_)
app.command()(cache_transfer.verify)
app.command()(cache_transfer.warm)
app.command()(cache_restore.restore)
app.command()(cache_restore.switch)
app.command()(cache_restore.drop)
app.command()(reembed)
app.command()(tune)
