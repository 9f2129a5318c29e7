"""Milvus as milvus-backup's verbs need it: which collection is behind the alias, how many rows, loaded or not."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantic_router_operator.backup.config import MilvusConnection
from semantic_router_operator.backup.failure import BackupError
from semantic_router_operator.probes.milvus import MilvusError, Target, Tls, connect, real_name
from semantic_router_operator.runner.context import Context
from semantic_router_proxy.config.milvus import EMBEDDER_PROPERTY

# Loading reads all of a collection's data from the object store.
_LOAD_SECONDS = 1800.0
_SECONDS = 30.0
# All else waits for a person: a password, a right, a certificate, a database.
_PASSING = frozenset({"AddressUnknown", "Unreachable", "NoAnswer", "Failing"})


@dataclass(frozen=True, slots=True)
class Source:
    """A real collection. `embedder` is the identity that the router has written on it, empty where none has."""

    name: str
    embedder: str
    dimension: int


class Milvus:
    """A connection; what it raises becomes a BackupError in `opened`."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.version = str(client.get_server_version(timeout=_SECONDS))

    def source(self, alias: str) -> Source:
        real = self.behind(alias)
        if not real:
            text = f"There is no collection {alias} in Milvus: nothing has been cached yet."
            raise BackupError("CollectionMissing", text)
        described = self._client.describe_collection(real, timeout=_SECONDS)
        dimensions = [int(each["params"]["dim"]) for each in described["fields"] if "dim" in each.get("params", {})]
        embedder = str((described.get("properties") or {}).get(EMBEDDER_PROPERTY, ""))
        return Source(real, embedder, dimensions[0] if dimensions else 0)

    def behind(self, name: str) -> str:
        """Return the real collection that an alias leads to, or that bears the name; empty where there is none."""
        return real_name(self._client, name, _SECONDS) or ""

    def rows(self, collection: str) -> int:
        """Count what is there now; the collection has to be loaded."""
        found = self._client.query(
            collection, filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=_LOAD_SECONDS
        )
        return int(found[0]["count(*)"])

    def drop_unused(self, collection: str, alias: str) -> None:
        """Drop a collection where it is there. Raises BackupError where the alias leads to it."""
        if not self.behind(collection):
            return
        if self.behind(alias) == collection:
            text = f"The routers use the collection {collection}: it is never written over."
            raise BackupError("CollectionInUse", text)
        self._client.drop_collection(collection, timeout=_SECONDS)

    def finish(self, collection: str, embedder: str) -> int:
        """Load a restored collection and write on it whose vectors it has; return its rows."""
        if not self.behind(collection):
            raise BackupError("RowsMissing", f"milvus-backup reports success and has made no collection {collection}.")
        self._client.load_collection(collection, timeout=_LOAD_SECONDS)
        if embedder:
            self._client.alter_collection_properties(
                collection, properties={EMBEDDER_PROPERTY: embedder}, timeout=_SECONDS
            )
        return self.rows(collection)


@contextlib.contextmanager
def opened(context: Context) -> Iterator[Milvus]:
    """Raises BackupError with the reason of the step on the way there that failed."""
    connection = context.config.milvus
    assert connection is not None  # noqa: S101 - a BackupConfig of this engine has it
    target = _target(connection, context.config.database, context.environment)
    try:
        with connect(target) as client:
            yield Milvus(client)
    except MilvusError as error:
        raise BackupError("MilvusFailing", error.message, passing=error.reason in _PASSING) from None


def _target(connection: MilvusConnection, database: str, environment: Mapping[str, str]) -> Target:
    tls = None
    if connection.tls:
        tls = Tls(
            _file(connection.ca_file), _file(connection.cert_file), _file(connection.key_file), connection.server_name
        )
    username, password = environment.get("MILVUS_USERNAME", ""), environment.get("MILVUS_PASSWORD", "")
    return Target(connection.host, connection.port, database, username, password, tls, seconds=_SECONDS)


def _file(path: str | None) -> bytes:
    if path is None:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BackupError("CertificateUnusable", f"{path} cannot be read: {error.strerror}.") from None
