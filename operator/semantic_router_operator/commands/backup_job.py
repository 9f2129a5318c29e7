"""`semantic-router-operator backup`: what the pods of the backups' Jobs run; people may run it as well."""

import os
import secrets
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semantic_router_operator.backup.config import BackupConfigError, parse_config
from semantic_router_operator.backup.failure import BackupError
from semantic_router_operator.backup.names import new_name
from semantic_router_operator.backup.result import RESULT_VARIABLE, Result, result_text

if TYPE_CHECKING:
    from semantic_router_operator.backup.inventory import Inventory
    from semantic_router_operator.runner.context import Context

app = typer.Typer(help="Make, check, restore and prune backups in an object store.", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", help="The file that the operator makes of spec.backup.")]
Wanted = Annotated[str, typer.Option("--name", "--backup", metavar="NAME|latest", help="Which backup.")]
Before = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"],
        help="With latest: the youngest that had begun by this time (RFC 3339).",
    ),
]
Patience = Annotated[
    float,
    typer.Option(
        min=0, metavar="SECONDS", help="Begin again for so long while Milvus or a store is away, slow or overloaded."
    ),
]
_CONFIG = Path("/app/backup/backup.yaml")
_FAILED, _USAGE = 1, 2
# Trying again would not help.
_LASTING = frozenset({"ConfigInvalid", "NameInvalid", "EngineMismatch", "VersionTooOld"})


@app.command()
def run(
    config: Config = _CONFIG,
    name: Annotated[str | None, typer.Option(help="None: one with the time in it.")] = None,
    archive: Annotated[Path | None, typer.Option(help="Engine export: the file; none: <work_dir>/cache.gz.")] = None,
    patience: Patience = 0,
) -> None:
    """Make a backup, then delete those that retention does not keep."""
    # One name for all attempts: what one has uploaded, the next one takes up.
    chosen = name or new_name(datetime.now(UTC), secrets.token_hex(2))

    def work(context: "Context") -> Result:
        from semantic_router_operator.runner import verbs

        return verbs.run(context, chosen, archive or context.work_dir / "cache.gz")

    _carry_out("backup", config, work, patience)


@app.command()
def check(config: Config = _CONFIG, wanted: Wanted = "latest", before: Before = None) -> None:
    """Read a backup whole and compare it with its catalogue."""

    def work(context: "Context") -> Result:
        from semantic_router_operator.runner import verbs

        return verbs.check(context, wanted, before)

    _carry_out("check", config, work)


@app.command()
def fetch(
    file: Annotated[Path, typer.Argument(help="The archive to write.")],
    config: Config = _CONFIG,
    wanted: Wanted = "latest",
    before: Before = None,
) -> None:
    """Bring the archive of a backup of the engine export."""

    def work(context: "Context") -> Result:
        from semantic_router_operator.runner import verbs

        return verbs.fetch(context, wanted, before, file)

    _carry_out("fetch", config, work)


@app.command()
def restore(
    into: Annotated[str, typer.Option(help="The collection to make; the alias stays where it is.")],
    config: Config = _CONFIG,
    wanted: Wanted = "latest",
    before: Before = None,
    trial: Annotated[bool, typer.Option("--trial", help="Drop the collection again: a drill.")] = False,
) -> None:
    """Restore a backup of the engine milvus-backup into a new collection."""

    def work(context: "Context") -> Result:
        from semantic_router_operator.runner import verbs

        return verbs.restore(context, wanted, before, into, trial=trial)

    _carry_out("drill" if trial else "restore", config, work)


@app.command()
def prune(
    config: Config = _CONFIG,
    keep: Annotated[int | None, typer.Option(min=1, help="None: as the configuration says.")] = None,
) -> None:
    """Delete what retention does not keep, and what interrupted runs have left."""

    def work(context: "Context") -> Result:
        from semantic_router_operator.runner import verbs

        return verbs.pruned(context, keep)

    _carry_out("prune", config, work)


@app.command(name="list")
def list_backups(
    config: Config = _CONFIG,
    output: Annotated[Literal["table", "json"], typer.Option("--output", "-o", help="For people, or programs.")] = (
        "table"
    ),
) -> None:
    """Show what is in the store."""

    def work(context: "Context") -> Result:
        from semantic_router_operator.runner import verbs

        found = verbs.listed(context)
        _show(found, output)
        return Result("list", kept=len(found.good))

    _carry_out("list", config, work)


class _Stopped(BaseException):
    """SIGTERM came. No Exception, which botocore would take for a broken connection and try again."""


def _carry_out(operation: str, file: Path, work: "Callable[[Context], Result]", patience: float = 0) -> None:
    """Do the work and say what came of it: a sentence for people, and the result where a Job runs this."""
    signal.signal(signal.SIGTERM, _stopped)
    try:
        config = parse_config(file.read_text(encoding="utf-8"))
        # Late: botocore and pymilvus are large, and none of the operator's other commands needs them.
        from semantic_router_operator.runner.context import open_context
        from semantic_router_operator.runner.patience import patiently

        result = patiently(lambda attempt: work(open_context(config, os.environ, attempt)), patience, _say)
    except OSError as error:
        result = _failure(operation, "ConfigInvalid", f"{file} cannot be read: {error.strerror}.")
    except BackupConfigError as error:
        result = _failure(operation, "ConfigInvalid", f"{file}: {error}.")
    except BackupError as error:
        result = _failure(operation, error.reason, error.message)
    except _Stopped:
        text = "The run was stopped: by its deadline, or because its pod was deleted."
        result = _failure(operation, "Killed", text)
    if result.message:
        typer.echo(result.message, err=result.outcome == "failed")
    for warning in result.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    if told := os.environ.get(RESULT_VARIABLE):
        Path(told).write_text(result_text(result), encoding="utf-8")
    if result.outcome == "failed":
        raise typer.Exit(_USAGE if result.reason in _LASTING else _FAILED)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _failure(operation: str, reason: str, message: str) -> Result:
    return Result(operation, outcome="failed", reason=reason, message=message)


def _stopped(number: int, frame: FrameType | None) -> None:
    """A process that is number 1 of its container would not end by SIGTERM otherwise."""
    del number, frame
    raise _Stopped


def _show(found: "Inventory", output: str) -> None:
    import json

    good = sorted(found.good, key=lambda each: each.started, reverse=True)
    finished = {each.name for each in good}
    begun = [each for each in found.begun if each.name not in finished]
    if output == "json":
        told = {
            "backups": [
                {"name": each.name, "engine": each.engine, "router": f"{each.router.namespace}/{each.router.name}",
                 "started": each.started.isoformat(), "finished": each.finished.isoformat(), "rows": each.rows,
                 "bytes": each.bytes, "objects": len(each.objects), "embedder": each.embedder}
                for each in good
            ],
            "unfinished": [{"name": each.name, "started": each.started.isoformat()} for each in begun],
            "unreadable": [{"name": name, "message": why} for name, why in found.unreadable],
        }  # fmt: skip
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    rows = [("NAME", "ENGINE", "ROUTER", "BEGUN", "ROWS", "BYTES")]
    for each in good:
        router, time = f"{each.router.namespace}/{each.router.name}", each.started.isoformat(timespec="seconds")
        rows.append((each.name, each.engine, router, time, str(each.rows), str(each.bytes)))
    for mark in begun:
        time = mark.started.isoformat(timespec="seconds")
        rows.append((mark.name, mark.engine, f"{mark.router.namespace}/{mark.router.name}", time, "unfinished", "-"))
    rows += [(name, "-", "-", "-", "unreadable", "-") for name, _ in found.unreadable]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
