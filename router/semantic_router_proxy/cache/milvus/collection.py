"""The collection behind the configured name: found, checked, or made.

The configured name is an alias from the start, so that a re-embedded or restored collection can take its place in one
step. Functions here run in a thread with a connected client.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from pymilvus import MilvusClient
from pymilvus.client.types import LoadState
from pymilvus.exceptions import MilvusException

from semantic_router_proxy.cache.milvus.rows import make_schema
from semantic_router_proxy.cache.store import StoreMismatch
from semantic_router_proxy.config.milvus import EMBEDDER_PROPERTY, MilvusConfig

_log = structlog.get_logger(__name__)

# INVERTED came with Milvus 2.4; before it each kind of field had a type of its own.
_SCALAR_INDEXES = {"exact_key": ("INVERTED", "Trie"), "written_at": ("INVERTED", "STL_SORT")}

# What a collection has that was made by hand for other routers, as the Kubernetes guide shows it.
_BY_HAND = frozenset({"id", "embedding", "response"})

_NOT_FOUND = 100

# A character is up to four bytes.
_BATCH_CHARACTERS = 8 * 1024 * 1024

# Properties of a collection; unlike its description, Milvus Lite keeps them.
_EMBEDDER = EMBEDDER_PROPERTY
_COPY_OF = "semantic_router.copy_of"
_COPIED_TO = "semantic_router.copied_to"


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose vectors a collection holds, and, while it is being filled by re-embedding, from which collection.
    `copied_to` is the time of writing (microseconds) up to which everything was there before the switch."""

    embedder: str
    copy_of: str = ""
    copied_to: int = 0

    def properties(self) -> dict[str, str]:
        return {_EMBEDDER: self.embedder, _COPY_OF: self.copy_of, _COPIED_TO: str(self.copied_to)}


def prepare_collection(
    client: MilvusClient, config: MilvusConfig, embedder: str, dimension: int, *, drop_old: bool
) -> None:
    """See to it that a loaded collection that fits is behind the configured name. Raises StoreMismatch."""
    name = config.collection.name
    real = real_name(client, name)
    if real is not None and drop_old:
        if real != name:
            client.drop_alias(name)
        client.drop_collection(real)
        _log.warning("cache_collection_dropped", collection=real, reason="development.drop_collection_on_startup")
        real = None
    if real == name and _made_by_hand(client, name) and config.development.auto_create_collection:
        _set_aside(client, name)
        real = None
    if real is None:
        if not config.development.auto_create_collection:
            raise StoreMismatch(
                f"there is no collection {name}, and development.auto_create_collection is off; create it, or switch "
                "that on"
            )
        _create(client, config, embedder, dimension)
    else:
        _check(client, real, config, embedder, dimension)
        _index_again(client, real, config)
        if real == name:
            put_behind_alias(client, name)
    _load(client, name)


def numbered_collections(client: MilvusClient, name: str) -> list[str]:
    """Return the real collections that were made for an alias, the newest last."""
    numbered = re.compile(re.escape(name) + r"_v(\d+)")
    found = [match for each in client.list_collections() if (match := numbered.fullmatch(each))]
    return [match[0] for match in sorted(found, key=lambda match: int(match[1]))]


def new_collection_name(client: MilvusClient, name: str) -> str:
    """Return the next free name of a real collection for an alias."""
    numbered = numbered_collections(client, name)
    return f"{name}_v{int(numbered[-1].rpartition('_v')[2]) + 1 if numbered else 1}"


def create_collection(client: MilvusClient, real: str, config: MilvusConfig, origin: Origin, dimension: int) -> None:
    """Create an empty, indexed collection; it is not loaded yet."""
    client.create_collection(
        real,
        schema=make_schema(config.collection, dimension),
        properties=origin.properties(),
        consistency_level=config.search.consistency_level,
    )
    # Not in the call above, which would load the collection: a loaded one takes no further index. Without waiting:
    # loading waits for all of them.
    _index_vectors(client, real, config)
    if not config.connection.embedded:
        for field, types in _SCALAR_INDEXES.items():
            _index_scalar(client, real, field, types)


def real_name(client: MilvusClient, name: str) -> str | None:
    """Return the name of the collection that bears a name or is behind an alias, None where there is neither.

    Not by describe_alias: Milvus 2.3 mixes up the databases there.
    """
    try:
        return str(client.describe_collection(name)["collection_name"])
    except MilvusException as error:
        if error.code == _NOT_FOUND:
            return None
        raise


def origin_of(client: MilvusClient, collection: str) -> Origin:
    """Return where a collection comes from; without an embedder, no router made it."""
    properties = client.describe_collection(collection)["properties"]
    return Origin(properties.get(_EMBEDDER, ""), properties.get(_COPY_OF, ""), int(properties.get(_COPIED_TO, 0)))


def mark(client: MilvusClient, collection: str, origin: Origin) -> None:
    """Set down where a collection comes from."""
    client.alter_collection_properties(collection, properties=origin.properties())


def replace_rows(client: MilvusClient, collection: str, config: MilvusConfig, rows: list[dict[str, Any]]) -> None:
    """Write rows in place of those of the same ids.

    Milvus 2.3 puts an upserted row of a collection with a partition key where searches by that key do not look, so
    such rows are deleted and inserted. Milvus Lite upserts correctly.
    """
    upsert = config.connection.embedded or not config.collection.partition_key
    for batch in _batches(rows):
        if upsert:
            client.upsert(collection, batch)
        else:
            client.delete(collection, ids=[row["id"] for row in batch])
            client.insert(collection, batch)


def insert_rows(client: MilvusClient, collection: str, rows: list[dict[str, Any]]) -> None:
    """Write rows whose ids are not there yet."""
    for batch in _batches(rows):
        client.insert(collection, batch)


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Cut rows into lists that a server takes at once; it refuses messages over 64 MiB."""
    batch: list[dict[str, Any]] = []
    characters = 0
    for row in rows:
        size = sum(map(len, row["request"])) + sum(map(len, row["response"]))
        if batch and characters + size > _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
        batch.append(row)
        characters += size
    if batch:
        yield batch


def _load(client: MilvusClient, name: str) -> None:
    """After a restart Milvus has the collection, but not in memory; it answers no query before it is loaded."""
    try:
        client.load_collection(name)
    except MilvusException:
        # One that got an index after it was loaded, by a replica that was making it meanwhile, cannot be loaded once
        # more; it answers all the same.
        if client.get_load_state(name)["state"] != LoadState.Loaded:
            raise


def _index_vectors(client: MilvusClient, collection: str, config: MilvusConfig) -> None:
    index = client.prepare_index_params()
    index.add_index(
        config.collection.vector_field.name,
        index_type=config.collection.index.type,
        metric_type=config.collection.vector_field.metric_type,
        params=config.collection.index.params,
    )
    client.create_index(collection, index, sync=False)


def _index_again(client: MilvusClient, collection: str, config: MilvusConfig) -> None:
    """Index the vectors where somebody has dropped their index; without one Milvus loads no collection."""
    if client.list_indexes(collection, field_name=config.collection.vector_field.name):
        return
    _index_vectors(client, collection, config)
    _log.warning("cache_index_made_again", collection=collection, index=config.collection.index.type)


def _index_scalar(client: MilvusClient, collection: str, field: str, types: tuple[str, ...]) -> None:
    """Index a field by the first type that the server has; without any it scans, which is right as well."""
    for index_type in types:
        index = client.prepare_index_params()
        index.add_index(field, index_type=index_type)
        with contextlib.suppress(MilvusException):
            client.create_index(collection, index, sync=False)
            return


def _create(client: MilvusClient, config: MilvusConfig, embedder: str, dimension: int) -> None:
    name = config.collection.name
    # One that fits and has no alias: whoever made it was stopped in between.
    numbered = numbered_collections(client, name)
    real = next((each for each in reversed(numbered) if origin_of(client, each) == Origin(embedder)), None)
    try:
        if real is None:
            real = new_collection_name(client, name)
            create_collection(client, real, config, Origin(embedder), dimension)
        client.create_alias(real, name)
    except MilvusException:
        # Another replica may have been faster; what counts is that the alias is there.
        if real_name(client, name) is None:
            raise


def _made_by_hand(client: MilvusClient, name: str) -> bool:
    return {field["name"] for field in client.describe_collection(name)["fields"]} == _BY_HAND


def _set_aside(client: MilvusClient, name: str) -> None:
    """Give a collection that was made by hand another name; its answers cannot be served, for nothing tells to which
    question they belong."""
    existing = client.list_collections()
    number, kept = 1, f"{name}_by_hand"
    while kept in existing:
        number += 1
        kept = f"{name}_by_hand_{number}"
    client.rename_collection(name, kept)
    _log.warning("cache_collection_set_aside", collection=name, renamed_to=kept, reason="it has no questions")


def put_behind_alias(client: MilvusClient, name: str) -> str:
    """Adopt a real collection of ours that bears the configured name: rename it, point the alias at it, and return its
    new name."""
    real = new_collection_name(client, name)
    client.rename_collection(name, real)
    client.create_alias(real, name)
    _log.info("cache_collection_adopted", collection=name, renamed_to=real)
    return real


def _check(client: MilvusClient, real: str, config: MilvusConfig, embedder: str, dimension: int) -> None:
    """Compare what is there with what this router needs."""
    described: dict[str, Any] = client.describe_collection(real)
    fields = {field["name"]: field for field in described["fields"]}
    missing = sorted({field.name for field in make_schema(config.collection, dimension).fields} - set(fields))
    if missing:
        raise StoreMismatch(
            f"the collection {real} was not made by this router (it has no field {', '.join(missing)}). Set "
            f"collection.name to another name, or rename what is there: MilvusClient(…).rename_collection("
            f'"{real}", "{real}_old")'
        )
    vectors = int(fields[config.collection.vector_field.name]["params"]["dim"])
    theirs = described["properties"].get(_EMBEDDER, f"of {vectors} dimensions")
    if vectors != dimension or theirs != embedder:
        raise StoreMismatch(
            f"the collection {real} holds vectors of the embedding model {theirs}, this router uses {embedder}. Run "
            "`semantic-router cache reembed --config FILE`, which makes a collection for the new model beside it, or "
            "set collection.name to another name"
        )
