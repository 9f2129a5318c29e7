"""The verbs of `semantic-router-operator backup`. Each returns its result, or raises BackupError.

Every one may be killed at any moment and run again: a backup counts from the moment its catalogue is written, which is
the last thing; what was uploaded before is taken up again or cleaned by a later run.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from semantic_router_operator.backup.catalogue import Begun, Catalogue
from semantic_router_operator.backup.failure import BackupError, CacheEmptyError
from semantic_router_operator.backup.inventory import Inventory, choose, prune
from semantic_router_operator.backup.names import is_name, new_name
from semantic_router_operator.backup.replication import Protection, judge
from semantic_router_operator.backup.result import NOTHING_TO_SAVE, Result
from semantic_router_operator.runner import export_engine, milvus_backup_engine
from semantic_router_operator.runner.context import Context
from semantic_router_operator.runner.milvus import opened

# No run is alive after so many times its time limit.
_LONGEST_RUNS = 2


def run(context: Context, name: str | None, archive: Path) -> Result:
    """Make a backup, and let retention take away what it replaces."""
    config, backups = context.config, context.backups
    now = datetime.now(UTC)
    name = name or new_name(now, secrets.token_hex(2))
    if not is_name(name):
        text = f"{name} is no name of a backup: letters, digits and underscores, and no digit first."
        raise BackupError("NameInvalid", text)
    catalogue = backups.catalogue(name)
    if catalogue is None:
        if context.attempt > 1 and config.engine == "milvus-backup":
            # It refuses a name under which it has begun and broken off.
            backups.remove(name)
        backups.begin(Begun(name=name, engine=config.engine, router=config.router, started=now))
        try:
            if config.engine == "export":
                catalogue = export_engine.save(context, name, archive)
            else:
                catalogue = milvus_backup_engine.save(context, name)
        except CacheEmptyError as error:
            return _of_nothing(context, name, error)
        backups.commit(catalogue)
    elif catalogue.router != config.router:
        text = f"The backup name {name} is taken by a backup of {catalogue.router.namespace}/{catalogue.router.name}."
        raise BackupError("BackupNameBlocked", text)
    result = _described("backup", catalogue, f"{catalogue.rows} rows are saved as {name}")
    _after_success(context, result)
    result.message += f"; {result.kept} backups are kept." if result.kept is not None else "."
    return result


def check(context: Context, wanted: str, before: datetime | None) -> Result:
    """Read a backup whole and compare it with its catalogue."""
    catalogue = _chosen(context, wanted, before)
    context.backups.verify(catalogue)
    text = f"The backup {catalogue.name} of {catalogue.started.isoformat(timespec='seconds')} is whole: "
    return _described("check", catalogue, f"{text}{catalogue.rows} rows, {catalogue.bytes} bytes.")


def fetch(context: Context, wanted: str, before: datetime | None, file: Path) -> Result:
    """Write the archive of a backup into a file."""
    catalogue = _chosen(context, wanted, before)
    export_engine.fetch(context, catalogue, file)
    return _described("fetch", catalogue, f"{file} has the {catalogue.rows} entries of {catalogue.name}.")


def restore(context: Context, wanted: str, before: datetime | None, into: str, *, trial: bool) -> Result:
    """Make a collection of a backup; with `trial`, drop it again whatever comes of it."""
    catalogue = _chosen(context, wanted, before)
    config = context.config
    if not into.startswith(f"{config.collection}_"):
        raise BackupError("NameInvalid", f"{into} is no collection of this cache: {config.collection}_… is wanted.")
    with opened(context) as milvus:
        try:
            rows = milvus_backup_engine.restore(context, catalogue, milvus, into)
        finally:
            if trial:
                milvus.drop_unused(into, config.collection)
        previous = milvus.behind(config.collection)
    done = "came back, and the collection was dropped again" if trial else f"are in {into}"
    result = _described("drill" if trial else "restore", catalogue, f"{rows} rows of {catalogue.name} {done}.")
    result.rows, result.collection, result.previous = rows, into, previous
    return result


def listed(context: Context) -> Inventory:
    """Return what is in the store."""
    return context.backups.inventory()


def pruned(context: Context, keep: int | None) -> Result:
    """Let retention take away what is too much now."""
    result = Result("prune")
    _prune(context, result, keep or context.config.retention)
    result.message = f"{len(result.pruned or ())} backups were deleted, {result.kept} are kept."
    return result


def _of_nothing(context: Context, name: str, error: CacheEmptyError) -> Result:
    """Return what an empty cache comes to of which nothing was ever saved. Raises the error where something was, or may
    have been: then it has lost its entries."""
    found = context.backups.inventory()
    if found.of(context.config.router).good or found.unreadable:
        raise error
    context.backups.unmark(name)
    text = "Nothing was stored yet: the cache is empty, and there is no backup of it from before. Nothing was saved."
    return Result("backup", reason=NOTHING_TO_SAVE, message=text, engine=context.config.engine, rows=0)


def _chosen(context: Context, wanted: str, before: datetime | None) -> Catalogue:
    return choose(context.backups.inventory(), context.config.router, wanted, before)


def _after_success(context: Context, result: Result) -> None:
    """The backup is there; what fails now is a warning."""
    _or_warn(result, "Old backups could not be deleted", lambda: _prune(context, result, context.config.retention))
    if context.config.replication == "verify":
        _or_warn(result, "Versioning and replication could not be looked at", lambda: _look_at(context, result))


def _prune(context: Context, result: Result, keep: int) -> None:
    config = context.config
    longest = timedelta(seconds=_LONGEST_RUNS * config.timeout_seconds)
    pruning = prune(context.backups.inventory(), config.router, keep, datetime.now(UTC), longest)
    result.pruned, result.kept = [], pruning.kept
    for name in pruning.marked:
        context.backups.unmark(name)
    for name in (*pruning.surplus, *pruning.interrupted):
        context.backups.remove(name)
        result.pruned.append(name)


def _look_at(context: Context, result: Result) -> None:
    store = context.backups.store
    try:
        found = judge(store.ask("get_bucket_versioning"), store.ask("get_bucket_replication"), context.config.prefix)
    except BackupError as error:
        if error.reason != "AccessDenied":
            raise
        found = Protection("unknown", "unknown")
    result.replication = found.told()
    result.warnings += found.missing(context.config.storage.bucket)


def _or_warn(result: Result, what: str, work: Callable[[], None]) -> None:
    try:
        work()
    except BackupError as error:
        result.warnings.append(f"{what}: {error.message}")


def _described(operation: str, catalogue: Catalogue, message: str) -> Result:
    return Result(
        operation,
        message=message,
        name=catalogue.name,
        engine=catalogue.engine,
        started=catalogue.started.isoformat(timespec="seconds"),
        finished=catalogue.finished.isoformat(timespec="seconds"),
        bytes=catalogue.bytes,
        objects=len(catalogue.objects),
        rows=catalogue.rows,
        embedder=catalogue.embedder or None,
        dimension=catalogue.dimension or None,
    )
