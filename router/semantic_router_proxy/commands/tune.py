"""`semantic-router cache tune`: find the search parameter that a collection needs."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from semantic_router_proxy.commands.cache_output import Output, print_json
from semantic_router_proxy.commands.problems import report
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.config.problems import ConfigError, Problem


def tune(
    config: Annotated[Path, typer.Option(help="The router's configuration file.")],
    recall: Annotated[
        float, typer.Option(min=0.5, max=1, help="Share of the true nearest that has to be found.")
    ] = 0.99,
    queries: Annotated[int, typer.Option(min=10, max=10_000, help="Searches for each value.")] = 200,
    rows: Annotated[int, typer.Option(min=100, max=1_000_000, help="Most stored vectors to compare with.")] = 100_000,
    output: Output = "table",
) -> None:
    """Measure recall against brute force on the collection in use, and recommend ef, nprobe or search_list.

    Nothing is changed.
    """
    from semantic_router_proxy.cache.store import StoreUnavailable

    try:
        loaded = load_config(config)
        if loaded.milvus is None:
            backend = loaded.router.semantic_cache.backend_type
            raise ConfigError([Problem(config, "semantic_cache.backend_type", "has no collection to tune", backend)])
        asyncio.run(_tune(loaded.milvus, recall, queries, rows, output))
    except ConfigError as error:
        raise typer.Exit(report(error)) from None
    except StoreUnavailable as error:
        typer.echo(f"semantic-router cache tune: {error}", err=True)
        raise typer.Exit(1) from None


async def _tune(milvus: MilvusConfig, recall: float, queries: int, rows: int, output: str) -> None:
    from semantic_router_proxy.cache.tune import PARAMETERS, Tuning, recommended

    console = Console(highlight=False)
    index = milvus.collection.index.type
    tuning = Tuning(milvus)
    try:
        if not tuning.values():
            _nothing(f"An index of type {index} has no parameter to tune.", output)
            return
        sample = await tuning.read(rows)
        if len(sample.ids) < milvus.search.topk:
            _nothing(f"{milvus.collection.name} has {len(sample.ids)} entries; too few to measure.", output)
            return
        measured = [await tuning.measure(sample, queries, value) for value in tuning.values()]
    finally:
        await tuning.close()
    parameter, best = PARAMETERS[index], recommended(measured, recall)
    now = milvus.search_params.get(parameter)
    if output == "json":
        told = {"parameter": parameter, "measured": [asdict(each) for each in measured], "entries": len(sample.ids)}
        print_json(told | {"recommended": best.value, "reached": best.recall >= recall, "now": now})
        return
    table = Table(
        parameter, f"recall@{milvus.search.topk}", "p50 ms", "p95 ms", title=f"{index}, {len(sample.ids)} entries"
    )
    for each in measured:
        table.add_row(str(each.value), f"{each.recall:.4f}", f"{each.p50_ms:.1f}", f"{each.p95_ms:.1f}")
    console.print(table)
    if len(sample.ids) == rows:
        console.print("Not all vectors were compared (--rows); the true recall is higher.")
    if best.recall < recall:
        console.print(f"No value reaches {recall:g}; rebuild the index with larger parameters, or lower --recall.")
    console.print(f"Recommended: search.params.{parameter}: {best.value} (recall {best.recall:.4f}; now {now})")


def _nothing(reason: str, output: str) -> None:
    """Say why nothing is recommended."""
    print_json({"recommended": None, "reason": reason}) if output == "json" else typer.echo(reason)
