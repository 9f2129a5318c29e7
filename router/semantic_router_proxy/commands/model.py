"""`semantic-router model`: make and check the embedding model's graph ahead of the first start."""

from typing import Annotated

import typer

from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.graph_file import cache_folder, load_graph

app = typer.Typer(help="The embedding model's files.", no_args_is_help=True)


@app.command()
def build(
    path: Annotated[
        str | None, typer.Option(help="Folder with the model's weights; none: the installed model.")
    ] = None,
) -> None:
    """Make the graph from the verified weights and put it into the cache folder (SEMANTIC_ROUTER_MODEL_DIR)."""
    try:
        graph = load_graph(path)
    except EmbeddingError as error:
        typer.echo(f"semantic-router model: {error}", err=True)
        raise typer.Exit(2) from None
    if not graph.folder.is_relative_to(cache_folder()):
        typer.echo(f"semantic-router model: {cache_folder()} cannot be written", err=True)
        raise typer.Exit(1)
    typer.echo(f"{graph.folder} ({len(graph.content) / 1e6:.0f} MB, weights {graph.digest[:12]})")
