"""`semantic-router model`: make and check the embedding model's graph ahead of the first start."""

from typing import Annotated

import typer

from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.graph_file import Graph, cache_folder, find_graph, load_graph

app = typer.Typer(help="The embedding model's files.", no_args_is_help=True)

ModelFolder = Annotated[str | None, typer.Option(help="Folder with the model's weights; none: the installed model.")]


@app.command()
def build(path: ModelFolder = None) -> None:
    """Make the graph from the verified weights and put it into the cache folder (SEMANTIC_ROUTER_MODEL_DIR)."""
    try:
        graph = load_graph(path)
    except EmbeddingError as error:
        raise _failed(str(error), 2) from None
    if not graph.folder.is_relative_to(cache_folder()):
        raise _failed(f"{cache_folder()} cannot be written", 1)
    _show(graph)


@app.command()
def verify(path: ModelFolder = None) -> None:
    """Check that the graph stands in the cache folder, whole and unchanged."""
    try:
        graph = find_graph(path)
    except EmbeddingError as error:
        raise _failed(str(error), 2) from None
    if graph is None:
        raise _failed(f"{cache_folder()} has no intact graph of the model; run semantic-router model build", 1)
    _show(graph)


def _show(graph: Graph) -> None:
    typer.echo(f"{graph.folder} ({len(graph.content) / 1e6:.0f} MB, model {graph.digest[:12]})")


def _failed(message: str, status: int) -> typer.Exit:
    typer.echo(f"semantic-router model: {message}", err=True)
    return typer.Exit(status)
