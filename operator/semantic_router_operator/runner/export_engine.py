"""The engine `export`: an archive that the router's own command has written goes to the object store and back."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from semantic_router_operator.backup.archive import look_through
from semantic_router_operator.backup.catalogue import ARCHIVE, Catalogue, StoredObject, Versions, folder
from semantic_router_operator.backup.failure import BackupError, CacheEmptyError
from semantic_router_operator.runner.context import Context
from semantic_router_operator.runner.store_errors import of_disk
from semantic_router_proxy.version import __version__


def save(context: Context, name: str, file: Path) -> Catalogue:
    """Upload an archive after looking through it; return the catalogue. Raises BackupError."""
    try:
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        with file.open("rb") as archive:
            content = look_through(archive)
            archive.seek(0)
            digest = hashlib.file_digest(archive, "sha256").hexdigest()
            size = archive.tell()
    except FileNotFoundError:
        text = f"There is no archive {file}: `semantic-router cache export` has to write it first."
        raise BackupError("ArchiveMissing", text) from None
    except OSError as error:
        raise of_disk(error, str(file.parent)) from None
    if not content.rows:
        raise CacheEmptyError("The cache")
    config = context.config
    context.backups.store.put_file(folder(config.prefix, name) + ARCHIVE, file, digest)
    return Catalogue(
        name=name,
        engine="export",
        router=config.router,
        started=written,
        finished=datetime.now(UTC),
        database=config.database,
        collection=config.collection,
        rows=content.rows,
        rows_least=content.rows,
        embedder=content.embedder,
        dimension=content.dimension,
        objects=(StoredObject(key=ARCHIVE, bytes=size, sha256=digest),),
        versions=Versions(operator=__version__),
    )


def fetch(context: Context, catalogue: Catalogue, file: Path) -> None:
    """Write a backup's archive into a file, whole and verified. Raises BackupError."""
    if catalogue.engine != "export":
        text = f"The backup {catalogue.name} is one of {catalogue.engine} and has no archive: use `backup restore`."
        raise BackupError("EngineMismatch", text)
    wanted = next((each for each in catalogue.objects if each.key == ARCHIVE), None)
    if wanted is None:
        raise BackupError("CatalogueUnusable", f"The catalogue of {catalogue.name} names no archive.")
    key = folder(context.config.prefix, catalogue.name) + ARCHIVE
    context.backups.store.get_file(key, file, wanted.sha256)
    try:
        with file.open("rb") as archive:
            found = look_through(archive)
    except OSError as error:
        raise of_disk(error, str(file.parent)) from None
    if found.rows != catalogue.rows:
        text = f"The archive of {catalogue.name} has {found.rows} entries, its catalogue says {catalogue.rows}."
        raise BackupError("BackupDamaged", text)
