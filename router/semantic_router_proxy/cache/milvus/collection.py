"""The collection behind the configured name: found, checked, or made.

The configured name is an alias from the start, so that a re-embedded or restored collection can take its place in one
step. Functions here run in a thread with a connected client.
"""

import contextlib
from typing import Any

from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from semantic_router_proxy.cache.milvus.filters import quoted
from semantic_router_proxy.cache.milvus.rows import make_schema
from semantic_router_proxy.cache.store import StoreMismatch
from semantic_router_proxy.config.milvus import MilvusConfig

# Milvus Lite takes these names and then fails in the background.
LITE_INDEX_TYPES = frozenset({"HNSW", "FLAT", "IVF_FLAT", "AUTOINDEX"})

# INVERTED came with Milvus 2.4; before it each kind of field had a type of its own.
_SCALAR_INDEXES = {"exact_key": ("INVERTED", "Trie"), "written_at": ("INVERTED", "STL_SORT")}


def prepare_collection(client: MilvusClient, config: MilvusConfig, embedder: str, dimension: int) -> str:
    """Return the name to use, with a collection behind it that fits. Raises StoreMismatch."""
    name = config.collection.name
    existing = set(client.list_collections())
    aliased = None if name in existing else _behind_alias(client, name)
    if config.development.drop_collection_on_startup and (name in existing or aliased):
        if aliased:
            client.drop_alias(name)
        client.drop_collection(aliased or name)
        existing.discard(aliased or name)
        aliased = None
        existing.discard(name)
    if name in existing:
        _check(client, name, config, embedder, dimension)
        _put_behind_alias(client, name)
    elif aliased:
        _check(client, name, config, embedder, dimension)
    else:
        if not config.development.auto_create_collection:
            raise StoreMismatch(
                f"there is no collection {name}, and development.auto_create_collection is off; create it, or switch "
                "that on"
            )
        _create(client, config, dimension)
        client.load_collection(name)
    return name


def new_collection_name(client: MilvusClient, name: str) -> str:
    """Return the next free name of a real collection for an alias."""
    existing = set(client.list_collections())
    number = 1
    while f"{name}_v{number}" in existing:
        number += 1
    return f"{name}_v{number}"


def create_collection(client: MilvusClient, real: str, config: MilvusConfig, dimension: int) -> None:
    """Create an empty, indexed collection; it is not loaded yet."""
    index = client.prepare_index_params()
    index.add_index(
        config.collection.vector_field.name,
        index_type=config.collection.index.type,
        metric_type=config.collection.vector_field.metric_type,
        params=config.collection.index.params,
    )
    client.create_collection(
        real,
        schema=make_schema(config.collection, dimension),
        consistency_level=config.search.consistency_level,
    )
    # Not in the call above, which would load the collection: a loaded one takes no further index.
    client.create_index(real, index)
    if not config.connection.embedded:
        for field, types in _SCALAR_INDEXES.items():
            _index_scalar(client, real, field, types)


def _index_scalar(client: MilvusClient, collection: str, field: str, types: tuple[str, ...]) -> None:
    """Index a field by the first type that the server has; without any it scans, which is right as well."""
    for index_type in types:
        index = client.prepare_index_params()
        index.add_index(field, index_type=index_type)
        with contextlib.suppress(MilvusException):
            client.create_index(collection, index)
            return


def _create(client: MilvusClient, config: MilvusConfig, dimension: int) -> None:
    name = config.collection.name
    real = new_collection_name(client, name)
    try:
        create_collection(client, real, config, dimension)
        client.create_alias(real, name)
    except MilvusException:
        # Another replica may have been faster; what counts is that the alias is there.
        if _behind_alias(client, name) is None:
            raise


def _behind_alias(client: MilvusClient, alias: str) -> str | None:
    try:
        described = client.describe_alias(alias)
    except MilvusException:
        return None
    return str(described["collection_name"]) if described else None


def _put_behind_alias(client: MilvusClient, name: str) -> None:
    """Adopt a real collection of ours that bears the configured name: rename it and point the alias at it."""
    real = new_collection_name(client, name)
    client.rename_collection(name, real)
    client.create_alias(real, name)


def _check(client: MilvusClient, name: str, config: MilvusConfig, embedder: str, dimension: int) -> None:
    """Compare what is there with what this router needs."""
    described: dict[str, Any] = client.describe_collection(name)
    fields = {field["name"]: field for field in described["fields"]}
    needed = {field.name for field in make_schema(config.collection, dimension).fields}
    missing = sorted(needed - set(fields))
    if missing:
        raise StoreMismatch(
            f"the collection {name} was not made by this router (it has no field {', '.join(missing)}). Rename it "
            f'(client.rename_collection("{name}", "{name}_old")) or set collection.name to another name'
        )
    found = int(fields[config.collection.vector_field.name]["params"]["dim"])
    if found != dimension:
        raise StoreMismatch(
            f"the collection {name} holds vectors of {found} numbers, the embedding model {embedder} gives "
            f"{dimension}. Run `semantic-router cache reembed`, or set collection.name to another name"
        )
    # After a restart Milvus has the collection, but not in memory; it answers no query before it is loaded.
    client.load_collection(name)
    rows = client.query(name, filter=f"embedder != {quoted(embedder)}", output_fields=["embedder"], limit=1)
    if rows:
        raise StoreMismatch(
            f"the collection {name} holds entries of the embedding model {rows[0]['embedder']}, this router uses "
            f"{embedder}. Run `semantic-router cache reembed`, or set collection.name to another name"
        )
