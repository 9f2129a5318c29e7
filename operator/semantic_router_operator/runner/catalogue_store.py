"""Backups in the object store: their catalogues, the marks of those that are being made, their removal."""

from semantic_router_operator.backup.catalogue import (
    BEGUN,
    CATALOGUE,
    Begun,
    Catalogue,
    StoredObject,
    begun_key,
    catalogue_key,
    document_bytes,
    folder,
    parse_begun,
    parse_catalogue,
)
from semantic_router_operator.backup.failure import BackupError
from semantic_router_operator.backup.inventory import Inventory
from semantic_router_operator.runner.object_store import ObjectStore


class CatalogueStore:
    """What is below one prefix. Every method may raise BackupError."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self.store = store
        self.prefix = prefix

    def inventory(self) -> Inventory:
        """Return all that is below the prefix."""
        good: list[Catalogue] = []
        unreadable: list[tuple[str, str]] = []
        for name in self.store.names(f"{self.prefix}/"):
            key = catalogue_key(self.prefix, name)
            content = self.store.get(key) if name != BEGUN else None
            if content is None:
                continue
            try:
                found = parse_catalogue(content, key)
                if found.name != name:
                    text = f"The catalogue {key} is that of another backup, {found.name}."
                    raise BackupError("CatalogueUnusable", text)
                good.append(found)
            except BackupError as error:
                unreadable.append((name, error.message))
        return Inventory(tuple(good), tuple(self._begun()), tuple(unreadable))

    def catalogue(self, name: str) -> Catalogue | None:
        key = catalogue_key(self.prefix, name)
        content = self.store.get(key)
        return None if content is None else parse_catalogue(content, key)

    def begin(self, begun: Begun) -> None:
        """Say that a backup is being made, before anything of it is there."""
        self.store.put(begun_key(self.prefix, begun.name), document_bytes(begun))

    def commit(self, catalogue: Catalogue) -> None:
        """Make a backup count, when all of it is there."""
        self.store.put(catalogue_key(self.prefix, catalogue.name), document_bytes(catalogue))
        self.unmark(catalogue.name)

    def unmark(self, name: str) -> None:
        """Say no longer that a backup is being made."""
        self.store.delete([begun_key(self.prefix, name)])

    def stored(self, name: str) -> list[StoredObject]:
        """Read all objects of a backup but its catalogue; return them with their digests."""
        start = folder(self.prefix, name)
        found = []
        for each in self.store.objects(start):
            key = each.key[len(start) :]
            if key != CATALOGUE:
                digest, size = self.store.digest(each.key)
                found.append(StoredObject(key=key, bytes=size, sha256=digest))
        return found

    def verify(self, catalogue: Catalogue) -> None:
        """Read all objects of a backup and compare them with its catalogue."""
        start = folder(self.prefix, catalogue.name)
        there = {each.key: each.bytes for each in self.store.objects(start)}
        for wanted in catalogue.objects:
            size = there.get(start + wanted.key)
            if size is None:
                raise _damaged(catalogue, f"the object {wanted.key} is missing")
            if size != wanted.bytes:
                raise _damaged(catalogue, f"{wanted.key} has {size} bytes and had {wanted.bytes}")
        for wanted in catalogue.objects:
            if self.store.digest(start + wanted.key)[0] != wanted.sha256:
                raise _damaged(catalogue, f"{wanted.key} does not have the SHA-256 that the catalogue says")

    def remove(self, name: str) -> None:
        """Delete a backup: its catalogue first, so that what is left of it never counts."""
        start = folder(self.prefix, name)
        self.store.delete([start + CATALOGUE])
        self.store.delete([each.key for each in self.store.objects(start)])
        self.store.abandon_uploads(start)
        self.unmark(name)

    def _begun(self) -> list[Begun]:
        contents = [self.store.get(each.key) for each in self.store.objects(f"{self.prefix}/{BEGUN}/")]
        return [begun for content in contents if content is not None and (begun := parse_begun(content)) is not None]


def _damaged(catalogue: Catalogue, what: str) -> BackupError:
    return BackupError("BackupDamaged", f"The backup {catalogue.name} is damaged: {what}. Take another one.")
