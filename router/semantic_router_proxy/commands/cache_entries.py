"""`semantic-router cache stats|list|get|delete|invalidate`."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.commands.cache_output import Output, print_json, tell
from semantic_router_proxy.commands.cache_target import Config, Place, Target, TokenFile, Url, fail, run

Model = Annotated[str | None, typer.Option("--model", help="Only answers of this model.")]
Scope = Annotated[str | None, typer.Option("--scope", help="Only answers for these callers.")]
Decision = Annotated[str | None, typer.Option("--decision", help="Only answers that this decision routed.")]
Before = Annotated[
    datetime | None, typer.Option("--before", help="Only answers from before this time (UTC).", metavar="TIME")
]
EntryId = Annotated[str, typer.Argument(metavar="ENTRY", help="An entry's id, as `list` and x-vsr-cache-entry say.")]
_PAGE = 200


def stats(url: Url = None, config: Config = None, token_file: TokenFile = None, output: Output = "table") -> None:
    """Show how many answers there are and how often they serve."""

    async def work(target: Target) -> int:
        told = await target.stats()
        if output == "json":
            print_json(told)
            return 0
        table = Table(show_header=False)
        for name, value in told.items():
            shown = f"{value:.1%}" if name == "hit_ratio" else str(value)
            table.add_row(name.replace("_", " "), shown)
        Console(highlight=False).print(table)
        return 0

    run(Place(url, config, token_file), work)


def list_entries(
    url: Url = None,
    config: Config = None,
    token_file: TokenFile = None,
    model: Model = None,
    scope: Scope = None,
    decision: Decision = None,
    before: Before = None,
    limit: Annotated[int, typer.Option(min=1, help="Entries to show.")] = 50,
    output: Output = "table",
) -> None:
    """List answers, the longest stored first."""
    selection = selection_from(scope, model, decision, before)

    async def work(target: Target) -> int:
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None and len(found) < limit:
            page, cursor = await target.entries(selection, cursor, min(_PAGE, limit - len(found)))
            found += page
        if output == "json":
            print_json({"entries": found[:limit], "more": cursor is not None})
            return 0
        table = Table("Entry", "Question", "Model", "Decision", "Scope", "Age", "Expires in")
        now = time.time()
        for entry in found[:limit]:
            expires = _span(entry["expires_at"] - now) if entry["expires_at"] else "never"
            table.add_row(
                entry["entry_id"], *(_clean(entry[key]) for key in ("question", "model", "decision", "scope")),
                _span(now - entry["created_at"]), expires,
            )  # fmt: skip
        Console(highlight=False).print(table)
        if cursor is not None:
            typer.echo("There may be more: raise --limit.", err=True)
        return 0

    run(Place(url, config, token_file), work)


def get(
    entry: EntryId, url: Url = None, config: Config = None, token_file: TokenFile = None, output: Output = "json"
) -> None:
    """Print one answer with all that is known about it."""

    async def work(target: Target) -> int:
        found = await target.entry(_checked(entry))
        if found is None:
            raise fail(f"there is no entry {entry}", 1)
        if output == "json":
            print_json(found)
            return 0
        table = Table(show_header=False)
        for name, value in found.items():
            table.add_row(name.replace("_", " "), _clean(str(value), most=4000))
        Console(highlight=False).print(table)
        return 0

    run(Place(url, config, token_file), work)


def delete(
    entry: EntryId, url: Url = None, config: Config = None, token_file: TokenFile = None, output: Output = "table"
) -> None:
    """Delete one answer, in every replica."""

    async def work(target: Target) -> int:
        if not await target.delete(_checked(entry)):
            raise fail(f"there is no entry {entry}", 1)
        tell(f"deleted {entry}", {"deleted": entry}, output)
        return 0

    run(Place(url, config, token_file), work)


def invalidate(
    url: Url = None,
    config: Config = None,
    token_file: TokenFile = None,
    model: Model = None,
    scope: Scope = None,
    decision: Decision = None,
    before: Before = None,
    everything: Annotated[bool, typer.Option("--all", help="Delete all answers.")] = False,
    output: Output = "table",
) -> None:
    """Delete all answers that match, in every replica."""
    selection = selection_from(scope, model, decision, before)
    if (selection == Selection()) is not everything:
        raise fail("say which answers (--model, --scope, --decision, --before), or --all and nothing else", 2)

    async def work(target: Target) -> int:
        count = await target.invalidate(selection)
        tell(f"{count} answers were deleted", {"invalidated": count}, output)
        return 0

    run(Place(url, config, token_file), work)


def selection_from(scope: str | None, model: str | None, decision: str | None, before: datetime | None) -> Selection:
    """Return what the options mean; a time without a zone is UTC."""
    seconds = None
    if before is not None:
        seconds = (before if before.tzinfo else before.replace(tzinfo=UTC)).timestamp()
    return Selection(scope, model, decision, seconds)


def _checked(entry_id: str) -> str:
    """Return the id. An id is part of an address, so nothing else gets through."""
    if not entry_id or len(entry_id) > 64 or not set(entry_id) <= set("0123456789abcdef"):
        raise fail(f"{entry_id!r} is no entry's id (hexadecimal digits)", 2)
    return entry_id


def _clean(text: str, most: int = 200) -> str:
    """Return a stored text without what a terminal or rich would obey."""
    printable = "".join(character if character.isprintable() else " " for character in text[:most])
    return printable.replace("[", "\\[")


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
