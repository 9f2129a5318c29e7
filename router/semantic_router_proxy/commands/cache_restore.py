"""`semantic-router cache restore|switch|drop`: the steps of a restore, as Jobs run them and as people may by hand."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from semantic_router_proxy.commands.cache_output import RESULT_VARIABLE, Output, print_json
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from semantic_router_proxy.cache.restore import Restoration

Config = Annotated[Path, typer.Option("--config", help="The configuration whose store is meant.")]
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class _Failure:
    """What a verb ends with. `lasting`: another attempt would fail as well."""

    reason: str
    message: str
    lasting: bool


def restore(
    file: Annotated[Path, typer.Argument(help="An archive that `export` wrote.")],
    config: Config,
    into: Annotated[str, typer.Option(help="The collection to make; the one in use stays in use.")],
    trial: Annotated[bool, typer.Option("--trial", help="Drop the collection again: a drill.")] = False,
    output: Output = "table",
) -> None:
    """Make a new collection of an archive: filled, indexed, loaded and counted. `switch` puts it into use.

    One of that name that an earlier restore has left is made anew.
    """

    async def work(restoration: "Restoration") -> dict[str, Any]:
        from semantic_router_proxy.cache.restore import RestoreError
        from semantic_router_proxy.cache.store import StoreUnavailable

        try:
            with file.open("rb") as archive:
                restored = await restoration.fill(archive, into)
        finally:
            if trial:
                # What the drill has found counts; one that is in use is refused, and was not made by it.
                with suppress(StoreUnavailable, RestoreError):
                    await restoration.drop(into)
        done = "came back, and the collection was dropped again" if trial else f"are in {into}"
        return {
            "message": f"{restored.rows} answers {done}; {restored.left_out} had expired or did not fit",
            "collection": into,
            "rows": restored.rows,
            "left_out": restored.left_out,
            "previous": restored.previous,
        }

    _carry_out("drill" if trial else "restore", config, output, work)


def switch(
    config: Config,
    to: Annotated[str, typer.Option(help='The collection that routers are to use; "": none, the alias goes.')],
    output: Output = "table",
) -> None:
    """Let the configured name lead to another collection, in one step; going back is the same command."""

    async def work(restoration: "Restoration") -> dict[str, Any]:
        previous = await restoration.switch(to or None)
        before = f"; before it was {previous}" if previous else ""
        message = f"the cache's collection is {to} now{before}" if to else f"the alias is taken away{before}"
        return {"message": message, "collection": to, "previous": previous}

    _carry_out("switch", config, output, work)


def drop(
    config: Config,
    collection: Annotated[str, typer.Option(help="Which one; never the one in use.")],
    output: Output = "table",
) -> None:
    """Drop a collection of this cache that is not in use."""

    async def work(restoration: "Restoration") -> dict[str, Any]:
        there = await restoration.drop(collection)
        return {"message": f"{collection} {'was dropped' if there else 'is not there'}", "collection": collection}

    _carry_out("drop", config, output, work)


def _carry_out(
    operation: str, config: Path, output: str, work: "Callable[[Restoration], Awaitable[dict[str, Any]]]"
) -> None:
    """Do the work, tell it, and exit: 0 done, 1 failed, 2 failed and would again."""
    told, failure = asyncio.run(_tried(config, work))
    if failure is not None:
        told = {"message": failure.message, "reason": failure.reason}
        typer.echo(f"semantic-router cache {operation}: {failure.message}", err=True)
    told = {"operation": operation, "outcome": "failed" if failure is not None else "succeeded", **told}
    if output == "json":
        print_json(told)
    elif failure is None:
        typer.echo(told["message"])
    if result := os.environ.get(RESULT_VARIABLE):
        told["message"] = told["message"][:_LONGEST_MESSAGE]
        Path(result).write_bytes(orjson.dumps(told) + b"\n")
    if failure is not None:
        raise typer.Exit(2 if failure.lasting else 1)


async def _tried(
    config: Path, work: "Callable[[Restoration], Awaitable[dict[str, Any]]]"
) -> tuple[dict[str, Any], _Failure | None]:
    from semantic_router_proxy.cache.archive import ArchiveError
    from semantic_router_proxy.cache.restore import RestoreError
    from semantic_router_proxy.cache.store import StoreMismatch, StoreUnavailable
    from semantic_router_proxy.embedding.base import EmbeddingError

    try:
        return await _with_restoration(config, work), None
    except ConfigError as error:
        failure = _Failure("ConfigInvalid", "; ".join(map(str, error.problems)), lasting=True)
    except RestoreError as error:
        failure = _Failure(error.reason, str(error), lasting=error.reason != "RowsMissing")
    except StoreMismatch as error:
        failure = _Failure("StoreMismatch", str(error), lasting=True)
    except ArchiveError as error:
        failure = _Failure("ArchiveDamaged", str(error), lasting=True)
    except EmbeddingError as error:
        failure = _Failure("EmbeddingFailing", str(error), lasting=False)
    except StoreUnavailable as error:
        failure = _Failure("MilvusFailing", str(error), lasting=False)
    except OSError as error:
        failure = _Failure("ArchiveMissing", f"{error.filename}: {error.strerror}", lasting=False)
    return {}, failure


async def _with_restoration(file: Path, work: "Callable[[Restoration], Awaitable[dict[str, Any]]]") -> dict[str, Any]:
    from semantic_router_proxy.cache.restore import Restoration
    from semantic_router_proxy.embedding.factory import make_embedder

    loaded = load_config(file)
    if loaded.milvus is None:
        problem = Problem(file, "semantic_cache.backend_type", "has no store to restore into", value="memory")
        raise ConfigError([problem])
    embedder = await make_embedder(loaded.router.embedding)
    restoration = Restoration(loaded.milvus, embedder.identity)
    try:
        return await work(restoration)
    finally:
        await restoration.close()
        await embedder.close()
