"""`python -m semantic_router_proxy.standin --port 0` prints its address and serves until it is ended."""

import asyncio
import socket
from typing import Annotated

import typer
import uvicorn

from semantic_router_proxy.standin.app import Pace, StandIn


def run(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free port.")] = 0,
    first_token: Annotated[float, typer.Option(min=0, help="Seconds to the first token.")] = 0.3,
    tokens_per_second: Annotated[float, typer.Option(min=0, help="0: the whole answer at once.")] = 60.0,
    model: Annotated[list[str] | None, typer.Option(help="Names that /v1/models lists.")] = None,
) -> None:
    """A stand-in for a model server: OpenAI-compatible, deterministic, with a realistic delay."""
    # With the protocol named, asyncio turns Nagle's algorithm off for the connections.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    standin = StandIn(Pace(first_token, tokens_per_second), tuple(model or ("standin-small", "standin-large")))
    config = uvicorn.Config(standin.app(), log_level="error", access_log=False, lifespan="off", backlog=4096)
    typer.echo(f"http://{host}:{listener.getsockname()[1]}")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    typer.run(run)
