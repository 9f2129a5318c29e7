"""`migrate` and `rollback`: ask for another backend, and watch the operator go there."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, stop, with_target
from semantic_router_operator.workflows.migration import RETRY_ANNOTATION

Json = Mapping[str, Any]
_SECONDS = 1.0
_GOOD = frozenset({"Completed"})

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to watch it to its end.")]


def migrate(
    name: Name = None,
    namespace: Namespace = None,
    to: Annotated[
        Literal["memory", "milvus", "hybrid"] | None, typer.Option(help="The backend; none: watch what is under way.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try one that has failed once more.")] = False,
    wait: Wait = True,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Move a cache to another backend without a failed request, or watch a migration.

    Exit codes: 0 done, 1 it failed or was rolled back, 2 wrong use or no access.
    """
    if to is None and not retry and not wait:
        stop("Nothing to do: name a backend with --to, or --retry, or leave out --no-wait.")
    change: dict[str, Any] = {}
    if to is not None:
        change["spec"] = {"cache": {"backend": to}}
    if retry:
        change["metadata"] = {"annotations": {RETRY_ANNOTATION: ""}}
    raise typer.Exit(with_target(name, namespace, kubeconfig, lambda target: _go(target, change, wait=wait)))


def rollback(name: Name = None, namespace: Namespace = None, wait: Wait = True, kubeconfig: Kubeconfig = None) -> None:
    """Go back to the backend from before the last migration; what Milvus holds is kept."""

    async def back(target: Target) -> int:
        return await _go(target, former(await target.read()), wait=wait)

    raise typer.Exit(with_target(name, namespace, kubeconfig, back))


def former(raw: Json) -> dict[str, Any]:
    """Return the change that asks for what was before the last migration. Exits with a sentence where there is none."""
    migration = (raw.get("status") or {}).get("migration")
    if not migration:
        stop("There was no migration, so there is nothing to go back to.")
    source, target = migration["from"]["backend"], migration["to"]["backend"]
    if source == target:
        stop(
            f"Before and after the migration the backend was {source}; to go back, give spec.milvus or"
            " spec.cache.embedding its former value."
        )
    return {"spec": {"cache": {"backend": source}}}


async def _go(target: Target, change: dict[str, Any], *, wait: bool) -> int:
    before = await target.read()
    if RETRY_ANNOTATION in (change.get("metadata") or {}).get("annotations", {}):
        # Any other value than the one before counts.
        count = (before["metadata"].get("annotations") or {}).get(RETRY_ANNOTATION, "0")
        change["metadata"]["annotations"][RETRY_ANNOTATION] = str(int(count) + 1 if count.isdigit() else 1)
    raw: Json = await target.objects.merge(target.key, change) if change else before
    if not wait:
        typer.echo(f"Asked for. Watch it with: kubectl semantic-router migrate {target.name} -n {target.namespace}")
        return 0
    return await _watch(target, raw)


async def _watch(target: Target, raw: Json) -> int:
    console = Console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn())
    generation, tasks = int(raw["metadata"]["generation"]), dict[str, TaskID]()
    with Progress(*columns, console=console) as progress:
        while True:
            raw = await target.read()
            status = raw.get("status") or {}
            migration = status.get("migration") or {}
            for step, done in shown(migration):
                if step not in tasks:
                    tasks[step] = progress.add_task(step, total=1)
                progress.update(tasks[step], completed=1 if done else 0, total=1 if done else None)
            if int(status.get("observedGeneration") or 0) >= generation and not migration.get("step"):
                break
            await asyncio.sleep(_SECONDS)
    return _told(console, raw, migration)


def shown(migration: Json) -> list[tuple[str, bool]]:
    """Return the steps that have begun, in their order, and whether each is over."""
    passed = [str(each["step"]) for each in migration.get("passed") or ()]
    steps = list(dict.fromkeys([*passed, *([str(migration["step"])] if migration.get("step") else [])]))
    return [(step, step != migration.get("step")) for step in steps]


def _told(console: Console, raw: Json, migration: Json) -> int:
    if not migration:
        console.print(f"No migration was needed; the backend is {(raw.get('status') or {}).get('backend', 'memory')}.")
        return 0
    conditions = {each["type"]: each for each in raw["status"].get("conditions") or ()}
    console.print(str(conditions.get("Migrating", {}).get("message") or migration.get("message", "")))
    return 0 if migration.get("outcome") in _GOOD else 1
