"""Make a resource that is carried out once, and watch it to its end."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from semantic_router_operator.commands.target import Target, stop
from semantic_router_operator.plan.key import API_VERSION, ObjectKey

Json = Mapping[str, Any]
# What the steps of a resource are, in order, and whether each is over.
Shown = Callable[[Json], list[tuple[str, bool]]]
_SECONDS = 1.0
# Without a sign of an operator for so long, it says so and goes on waiting.
_SILENCE_SECONDS = 15.0


async def make(target: Target, kind: str, spec: dict[str, Any]) -> ObjectKey:
    """Make a resource of this kind for the target, under a new name. Raises ApiError, UnknownKindError."""
    spec = {"routerRef": {"name": target.name}, **spec}
    key = ObjectKey(API_VERSION, kind, target.namespace, f"{target.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    metadata = {"name": key.name, "namespace": key.namespace}
    if not await target.objects.create({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}):
        stop(f"There is a {key} already; wait a second and try again.", code=1)
    return key


async def follow(target: Target, key: ObjectKey, shown: Shown, *, wait: bool) -> int:
    """Watch it until it has ended, print its last sentence, and return the exit code. Raises ApiError."""
    if not wait:
        typer.echo(f"{key} is made. Watch it with: kubectl get {key.kind.lower()} {key.name} -n {key.namespace} -w")
        return 0
    console = Console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn())
    tasks = dict[str, TaskID]()
    waited = 0.0
    with Progress(*columns, console=console) as progress:
        first = progress.add_task(f"{key.kind} {key.name}", total=None)
        while True:
            raw = await target.objects.get(key)
            if raw is None:
                stop(f"{key} was deleted; what had begun goes back.", code=1)
            status = raw.get("status") or {}
            for step, done in shown(status):
                if step not in tasks:
                    tasks[step] = progress.add_task(step, total=1)
                progress.update(tasks[step], completed=1 if done else 0, total=1 if done else None)
            if status.get("phase") in ("Succeeded", "Failed"):
                progress.update(first, completed=1, total=1)
                break
            progress.update(first, description=_first_line(key, status, waited))
            await asyncio.sleep(_SECONDS)
            waited += _SECONDS
    console.print(str(status.get("message", "")))
    return 0 if status["phase"] == "Succeeded" else 1


def _first_line(key: ObjectKey, status: Json, waited: float) -> str:
    if status.get("phase") == "Pending":
        return f"{key.name} waits: {status.get('message', '')}"
    if not status and waited > _SILENCE_SECONDS:
        return f"{key.name}: no operator has taken it up; does one run, and watch this namespace?"
    return f"{key.kind} {key.name}"
