"""The engine `milvus-backup`: its executable is run with a time limit, and believed only as far as can be checked."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semantic_router_operator.backup import milvus_backup
from semantic_router_operator.backup.catalogue import Catalogue, Versions
from semantic_router_operator.backup.failure import BackupError, CacheEmptyError
from semantic_router_operator.runner.context import Context
from semantic_router_operator.runner.milvus import Milvus, opened
from semantic_router_operator.runner.store_errors import of_disk
from semantic_router_proxy.version import __version__

_GRACE_SECONDS = 10
# Of its output, what is looked at.
_LONGEST_OUTPUT = 200_000


def save(context: Context, name: str) -> Catalogue:
    """Make a backup; return its catalogue. Raises BackupError."""
    config = context.config
    started = datetime.now(UTC)
    with opened(context) as milvus:
        source = milvus.source(config.collection)
        before = milvus.rows(source.name)
        if not before:
            raise CacheEmptyError(f"The collection {source.name}")
        _run(context, milvus_backup.create_arguments(name, config.database, source.name))
        after = milvus.rows(source.name)
        version = milvus.version
    objects = context.backups.stored(name)
    milvus_backup.check_objects(name, max(before, after), objects)
    return Catalogue(
        name=name,
        engine="milvus-backup",
        router=config.router,
        started=started,
        finished=datetime.now(UTC),
        database=config.database,
        collection=config.collection,
        real_collection=source.name,
        rows=max(before, after),
        rows_least=min(before, after),
        embedder=source.embedder,
        dimension=source.dimension,
        objects=tuple(objects),
        versions=Versions(operator=__version__, milvus=version),
    )


def restore(context: Context, catalogue: Catalogue, milvus: Milvus, into: str) -> int:
    """Make the collection `into` of a backup, indexed and loaded; return its rows. Raises BackupError.

    One of that name that an earlier attempt has left is dropped before.
    """
    if catalogue.engine != "milvus-backup":
        text = f"The backup {catalogue.name} was made by {catalogue.engine}: `backup fetch` is for it."
        raise BackupError("EngineMismatch", text)
    _check_versions(catalogue, milvus.version)
    milvus.drop_unused(into, context.config.collection)
    source = catalogue.real_collection
    arguments = milvus_backup.restore_arguments(
        catalogue.name, catalogue.database, source, context.config.database, into
    )
    _run(context, arguments)
    rows = milvus.finish(into, catalogue.embedder)
    if not catalogue.rows_least <= rows <= catalogue.rows:
        wanted = (
            f"{catalogue.rows_least} to {catalogue.rows}" if catalogue.rows_least < catalogue.rows else catalogue.rows
        )
        text = f"{into} has {rows} rows, the backup {catalogue.name} {wanted}: not all of it came back."
        raise BackupError("RowsMissing", text)
    return rows


def _check_versions(catalogue: Catalogue, version: str) -> None:
    then, now = _numbers(catalogue.versions.milvus), _numbers(version)
    if then and now and now < then:
        text = (
            f"The backup {catalogue.name} is of Milvus {catalogue.versions.milvus}, this is the older {version}: "
            "milvus-backup restores into the same version or a younger one."
        )
        raise BackupError("VersionTooOld", text)


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor; empty where they are not said."""
    parts = version.lstrip("v").split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(each.isdecimal() for each in parts) else ()


def _run(context: Context, arguments: list[str]) -> None:
    """Raises BackupError where it does not end well and in time."""
    config = context.config
    with _folder(context.work_dir) as folder:
        file = folder / "backup.yaml"
        file.write_text(milvus_backup.config_text(config, str(folder)), encoding="utf-8")
        environment = milvus_backup.environment(config, context.environment)
        code, output = _run_limited(
            [config.executable, "--config", str(file), *arguments], folder, environment, config.timeout_seconds
        )
    if code != 0:
        secrets = [value for key, value in environment.items() if "KEY" in key or "PASSWORD" in key]
        raise milvus_backup.failure(arguments[0], code, output, secrets)


def _run_limited(command: list[str], folder: Path, environment: dict[str, str], seconds: float) -> tuple[int, str]:
    with (folder / "output").open("w+b") as output:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError:
            text = f"There is no {command[0]}: the container before this one copies it from milvus-backup's image."
            raise BackupError("ExecutableMissing", text) from None
        except OSError as error:
            raise BackupError("ExecutableMissing", f"{command[0]} cannot be run: {error.strerror}.") from None
        deadline = time.monotonic() + seconds
        try:
            code = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            text = f"milvus-backup {command[3]} was not done within {seconds:g} s (backup.deadlineSeconds)."
            raise BackupError("TooSlow", text) from None
        finally:
            _stop(process)
        output.seek(max(0, output.seek(0, os.SEEK_END) - _LONGEST_OUTPUT))
        return code, output.read().decode(errors="replace")


def _stop(process: "subprocess.Popen[Any]") -> None:
    """End it and what it has started, wherever this is left."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
            return


@contextlib.contextmanager
def _folder(work_dir: Path) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="milvus-backup-", dir=work_dir) as folder:
            (Path(folder) / "logs").mkdir()
            yield Path(folder)
    except OSError as error:
        raise of_disk(error, str(work_dir)) from None
