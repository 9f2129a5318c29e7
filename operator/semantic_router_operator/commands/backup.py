"""`backup` and `backup list`: save a cache now, and look at what was saved."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from semantic_router_operator.api.semantic_cache_backup import KIND
from semantic_router_operator.commands.following import follow, make
from semantic_router_operator.commands.migrate import Wait
from semantic_router_operator.commands.size import size_text
from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, with_target
from semantic_router_operator.plan.key import API_VERSION

Json = Mapping[str, Any]


class _NowByDefault(TyperGroup):
    """What is not the name of a command is that of a router."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["now", *args]
        return super().parse_args(ctx, args)


class Output(StrEnum):
    """For people, or for programs."""

    TABLE = "table"
    JSON = "json"


app = typer.Typer(cls=_NowByDefault, help="Save a cache now (backup [NAME]), or look at what was saved (backup list).")


@app.command()
def now(
    name: Name = None,
    namespace: Namespace = None,
    engine: Annotated[
        Literal["auto", "export", "milvus-backup"] | None, typer.Option(help="None: that of spec.backup.")
    ] = None,
    wait: Wait = True,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Make a SemanticCacheBackup and watch it to its end.

    Exit codes: 0 saved, 1 it failed, 2 wrong use or no access.
    """

    async def work(target: Target) -> int:
        await target.read()
        key = await make(target, KIND, {"engine": engine} if engine is not None else {})
        return await follow(target, key, _steps, wait=wait)

    raise typer.Exit(with_target(name, namespace, kubeconfig, work))


@app.command(name="list")
def list_(
    name: Name = None,
    namespace: Namespace = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="For people, or for programs.")] = Output.TABLE,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show the backups on demand of a SemanticRouter, and the last one that was made by its schedule."""
    found, told = with_target(name, namespace, kubeconfig, _listed)
    if output is Output.JSON:
        typer.echo(json.dumps({"backup": told, "onDemand": [row(each) for each in found]}, indent=2))
        return
    console = Console()
    if told:
        console.print(line(told))
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "PHASE", "BACKUP", "ENGINE", "ENTRIES", "SIZE", "ENDED"):
        table.add_column(column, no_wrap=column != "BACKUP", overflow="fold")
    for each in map(row, found):
        size = size_text(each["bytes"]) if each["bytes"] is not None else "-"
        rows = str(each["rows"]) if each["rows"] is not None else "-"
        texts = (each["name"], each["phase"], each["backup"] or "-", each["engine"] or "-", rows, size)
        table.add_row(*texts, each["ended"] or "-")
    console.print(table if found else "No backup was asked for by hand.")


async def _listed(target: Target) -> tuple[list[Json], Json]:
    raw = await target.read()
    every = await target.objects.list_objects(API_VERSION, KIND, target.namespace)
    own: Sequence[Json] = [each for each in every if each["spec"]["routerRef"]["name"] == target.name]
    found = sorted(own, key=lambda each: str(each["metadata"]["creationTimestamp"]), reverse=True)
    return found, (raw.get("status") or {}).get("backup") or {}


def row(raw: Json) -> dict[str, Any]:
    """Return what is shown of a SemanticCacheBackup."""
    status = raw.get("status") or {}
    return {
        "name": raw["metadata"]["name"],
        "phase": status.get("phase", "Pending"),
        "backup": status.get("backupName"),
        "engine": status.get("engine"),
        "rows": status.get("rows"),
        "bytes": status.get("bytes"),
        "ended": status.get("completedAt"),
        "message": status.get("message", ""),
    }


def line(told: Json) -> str:
    """Return what `status.backup` of a SemanticRouter says, in one line."""
    if not told.get("lastName"):
        texts = ["none yet"]
    else:
        rows, size = told.get("lastRows"), told.get("lastBytes")
        of = ", ".join(
            [*([f"{rows} entries"] if rows is not None else []), *([size_text(size)] if size is not None else [])]
        )
        texts = [f"{told['lastName']} at {told.get('lastTime', '-')}{f' ({of})' if of else ''}"]
    if told.get("nextTime"):
        texts.append(f"next at {told['nextTime']}")
    if told.get("lastVerifiedTime"):
        texts.append(f"restored on trial at {told['lastVerifiedTime']}")
    if told.get("failures"):
        texts.append(f"{told['failures']} failed since")
    return "; ".join(texts)


def _steps(status: Json) -> list[tuple[str, bool]]:
    """A backup has but one step."""
    return [("Running", False)] if status.get("phase") == "Running" else []
