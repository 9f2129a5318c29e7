"""`restore`: bring a backup back into a router's cache, and watch it to its end."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from semantic_router_operator.api.semantic_cache_restore import KIND
from semantic_router_operator.commands.following import follow, make
from semantic_router_operator.commands.migrate import Wait, shown
from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, stop, with_target

Json = Mapping[str, Any]


def restore(
    name: Name = None,
    namespace: Namespace = None,
    latest: Annotated[bool, typer.Option("--latest", help="The newest good backup.")] = False,
    backup: Annotated[str | None, typer.Option("--name", help="A backup by its name.")] = None,
    before: Annotated[
        str | None, typer.Option(help="The newest good one before this time, as in 2026-11-21T12:00:00Z.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the backup, and say what would be done.")] = False,
    serving: Annotated[
        Literal["memory", "stopped"], typer.Option(help="What the router does meanwhile: answer from memory, or stop.")
    ] = "memory",
    window_seconds: Annotated[
        int | None, typer.Option(min=10, max=86_400, help="How long the restored cache is watched; none: 300.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it begins.")] = False,
    wait: Wait = True,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Make a SemanticCacheRestore and watch it to its end.

    The entries come into a new collection, which then takes the place of the present one; whatever fails, everything is
    as before. Exit codes: 0 restored, 1 it failed and went back, 2 wrong use or no access.
    """
    choice = chosen(latest=latest, name=backup, before=before)
    spec: dict[str, Any] = {"backup": choice, "serving": serving}
    if dry_run:
        spec["dryRun"] = True
    if window_seconds is not None:
        spec["validation"] = {"windowSeconds": window_seconds}

    async def work(target: Target) -> int:
        await target.read()
        what = "have no pods" if serving == "stopped" else "answer from a cache in memory only"
        question = f"{target.namespace}/{target.name} will {what} until the backup is in place. Go on?"
        if not (dry_run or yes or typer.confirm(question, err=True)):
            return 1
        return await follow(target, await make(target, KIND, spec), shown, wait=wait)

    raise typer.Exit(with_target(name, namespace, kubeconfig, work))


def chosen(*, latest: bool, name: str | None, before: str | None) -> dict[str, Any]:
    """Return spec.backup. Exits with a sentence where not exactly one choice was made."""
    choices: dict[str, Any] = {
        key: value for key, value in (("latest", latest), ("name", name), ("before", before)) if value
    }
    if len(choices) != 1:
        stop("Say which backup: one of --latest, --name NAME and --before TIME.")
    return choices
