"""Entries as rows of the collection, and back. Whatever in a row cannot be an entry is refused, never guessed."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, Vector, is_json_document
from semantic_router_proxy.config.milvus import CollectionConfig

# Milvus' limits: bytes of one VARCHAR, and elements of one array. A document is an array of pieces.
PIECE_BYTES = 65_535
_PIECES = 64
MAX_DOCUMENT_BYTES = (PIECE_BYTES - 3) * _PIECES

HEADER_FIELDS = (
    "id", "partition", "exact_key", "scope", "model", "query", "semantic", "created_at", "expires_at", "decision",
)  # fmt: skip
_TEXT_FIELDS = {"partition": 64, "exact_key": 64, "scope": 128, "model": 512, "query": PIECE_BYTES, "decision": 512}


class BadRow(ValueError):  # noqa: N818 - a finding about data, counted and passed over
    """A row that is no entry; the message says what is wrong and holds nothing of its content."""


def make_schema(config: CollectionConfig, dimension: int) -> Any:
    """Return a collection's schema."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False, description=config.description)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    for name, length in _TEXT_FIELDS.items():
        key = {"is_partition_key": True} if name == "partition" and config.partition_key else {}
        schema.add_field(name, DataType.VARCHAR, max_length=length, **key)
    schema.add_field("embedder", DataType.VARCHAR, max_length=1024)
    for name in ("request", "response"):
        schema.add_field(
            name, DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=_PIECES, max_length=PIECE_BYTES
        )
    schema.add_field("semantic", DataType.BOOL)
    for name in ("created_at", "expires_at", "written_at"):
        schema.add_field(name, DataType.INT64)
    schema.add_field(config.vector_field.name, DataType.FLOAT_VECTOR, dim=dimension)
    return schema


def to_row(entry: CacheEntry, embedder: str, vector_field: str, dimension: int) -> dict[str, Any]:
    """Return the row of an entry; times are in microseconds. Raises BadRow for what Milvus cannot hold."""
    header = entry.header
    for name, length in _TEXT_FIELDS.items():
        try:
            size = len(getattr(header, name).encode())
        except UnicodeEncodeError:
            raise BadRow(f"the {name} is no text") from None
        if size > length:
            raise BadRow(f"the {name} has more than {length} bytes")
    for name, document in (("request", entry.request), ("response", entry.response)):
        if len(document) > MAX_DOCUMENT_BYTES:
            raise BadRow(f"the {name} is too large, {len(document)} bytes; at most {MAX_DOCUMENT_BYTES} fit")
    try:
        documents = {"request": list(_pieces(entry.request)), "response": list(_pieces(entry.response))}
    except UnicodeDecodeError:
        raise BadRow("a document is no UTF-8") from None
    vector = entry.embedding
    if vector is None:
        vector = placeholder(dimension)
    elif not is_unit_vector(vector, dimension):
        raise BadRow("the vector has another dimension or is no unit vector")
    return {
        "id": header.entry_id,
        "partition": header.partition,
        "exact_key": header.exact_key,
        "scope": header.scope,
        "model": header.model,
        "query": header.query,
        "decision": header.decision,
        "embedder": embedder,
        **documents,
        "semantic": header.semantic,
        "created_at": _microseconds(header.created_at),
        "expires_at": _microseconds(header.expires_at),
        "written_at": _microseconds(time.time()),
        vector_field: vector,
    }


def placeholder(dimension: int) -> Vector:
    """Return the vector of a row that is not semantic: every row needs one; searches pass over it."""
    vector = np.zeros(dimension, dtype=np.float32)
    vector[0] = 1
    return vector


def to_header(row: dict[str, Any]) -> EntryHeader:
    """Return the header that a row holds. Raises BadRow."""
    for name in ("id", "partition", "exact_key", "scope", "model", "query", "decision"):
        if not isinstance(row.get(name), str):
            raise BadRow(f"{name} is no text")
    for name in ("created_at", "expires_at"):
        if not isinstance(row.get(name), int) or row[name] < 0:
            raise BadRow(f"{name} is no time")
    return EntryHeader(
        entry_id=row["id"],
        partition=row["partition"],
        exact_key=row["exact_key"],
        scope=row["scope"],
        model=row["model"],
        query=row["query"],
        semantic=bool(row.get("semantic")),
        created_at=row["created_at"] / 1e6,
        expires_at=row["expires_at"] / 1e6,
        decision=row["decision"],
    )


def to_entry(row: dict[str, Any], vector_field: str, dimension: int) -> CacheEntry:
    """Return the entry that a row holds. Raises BadRow."""
    header = to_header(row)
    documents = []
    for name in ("request", "response"):
        pieces = row.get(name)
        if not isinstance(pieces, list | tuple) or not all(isinstance(piece, str) for piece in pieces):
            raise BadRow(f"{name} is no list of texts")
        documents.append("".join(pieces).encode())
    if not is_json_document(documents[1]):
        raise BadRow("response is no JSON document")
    return CacheEntry(header, documents[0], documents[1], to_vector(row, vector_field, dimension))


def to_vector(row: dict[str, Any], vector_field: str, dimension: int) -> Vector | None:
    """Return the row's vector, None for a row that is not semantic. Raises BadRow."""
    if not row.get("semantic"):
        return None
    vector = np.asarray(row.get(vector_field), dtype=np.float32)
    if vector.shape != (dimension,):
        raise BadRow(f"{vector_field} has shape {vector.shape}, not ({dimension},)")
    if not is_unit_vector(vector, dimension):
        raise BadRow(f"{vector_field} is no unit vector")
    return vector


def is_unit_vector(vector: Vector, dimension: int) -> bool:
    """Whether a vector is finite, of this dimension, and of length 1 but for rounding."""
    return vector.shape == (dimension,) and abs(float(np.linalg.norm(vector)) - 1) <= 1e-2


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def _pieces(document: bytes) -> Iterator[str]:
    """Cut a UTF-8 document into texts of at most PIECE_BYTES bytes, between characters."""
    start = 0
    while start < len(document):
        end = min(start + PIECE_BYTES, len(document))
        while end < len(document) and document[end] & 0xC0 == 0x80:
            end -= 1
        yield document[start:end].decode()
        start = end
