"""The catalogue of a backup: `<prefix>/<name>/backup.json`, written last. A backup without one is none.

While a backup is being made, `<prefix>/begun/<name>.json` says whose it is; so what a killed run leaves can be told
from another's objects, and cleaned. That is not below the backup's own name, where milvus-backup must find nothing.
"""

import json
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from semantic_router_operator.backup.config import Engine, RouterName
from semantic_router_operator.backup.failure import BackupError

FORMAT: Literal["semantic-router-backup"] = "semantic-router-backup"
VERSION = 1
CATALOGUE = "backup.json"
ARCHIVE = "cache.gz"
BEGUN = "begun"


class _Document(BaseModel):
    # A younger program may have written more.
    model_config = ConfigDict(extra="ignore", frozen=True)


class StoredObject(_Document):
    """`key` is relative to the backup's folder. The digest is that of the whole object, however it was uploaded."""

    key: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Versions(_Document):
    operator: str = ""
    milvus: str = ""


class Catalogue(_Document):
    """`rows` were in the backup's source when it was taken; where routers went on writing meanwhile, at least
    `rows_least` and at most `rows`."""

    format: Literal["semantic-router-backup"] = FORMAT
    version: int = VERSION
    name: str
    engine: Engine
    router: RouterName
    started: datetime
    finished: datetime
    database: str = "default"
    collection: str = Field(description="The alias.")
    real_collection: str = Field("", description="What the alias pointed at; empty where that is not known.")
    rows: int = Field(ge=0)
    rows_least: int = Field(ge=0)
    embedder: str = ""
    dimension: int = Field(0, ge=0)
    objects: tuple[StoredObject, ...]
    versions: Versions = Versions()

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.objects)


class Begun(_Document):
    """Says that a backup is being made."""

    format: Literal["semantic-router-backup"] = FORMAT
    name: str
    engine: Engine
    router: RouterName
    started: datetime


def folder(prefix: str, name: str) -> str:
    """Return the common start of a backup's objects, with its slash."""
    return f"{prefix}/{name}/"


def catalogue_key(prefix: str, name: str) -> str:
    return folder(prefix, name) + CATALOGUE


def begun_key(prefix: str, name: str) -> str:
    return f"{prefix}/{BEGUN}/{name}.json"


def document_bytes(document: Catalogue | Begun) -> bytes:
    """Return what is stored; readable, since people look at it when all else is gone."""
    return (json.dumps(document.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()


def parse_catalogue(content: bytes, where: str) -> Catalogue:
    """Raises BackupError."""
    try:
        found = Catalogue.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        text = f"The catalogue {where} cannot be read ({place}: {first['msg']}); the backup is not usable with it."
        raise BackupError("CatalogueUnusable", text) from None
    if found.version != VERSION:
        text = f"The catalogue {where} has version {found.version}, this program reads {VERSION}."
        raise BackupError("CatalogueUnusable", text)
    return found


def parse_begun(content: bytes) -> Begun | None:
    try:
        return Begun.model_validate_json(content)
    except ValidationError:
        return None
