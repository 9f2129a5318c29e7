"""What the cache commands print: a sentence or a table for people, JSON for programs."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer

RESULT_VARIABLE = "SEMANTIC_ROUTER_RESULT_FILE"

Output = Annotated[Literal["table", "json"], typer.Option("--output", "-o", help="For people, or for programs.")]


def tell(message: str, told: dict[str, Any], output: str) -> None:
    """Print what was done; where a Job runs the command, also as the message that its pod ends with."""
    if output == "json":
        print_json(told)
    else:
        typer.echo(message)
    if file := os.environ.get(RESULT_VARIABLE):
        Path(file).write_text(message, encoding="utf-8")


def print_json(told: object) -> None:
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode())
