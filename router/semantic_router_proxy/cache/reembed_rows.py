"""Where an entry belongs under another model."""

from collections.abc import Sequence
from typing import Any

import orjson

from semantic_router_proxy.cache.keys import partition, plain_partition

PROTOCOLS = ("chat", "completions", "responses", "messages")


def new_partition(row: dict[str, Any], old: str, new: str, policy_epochs: Sequence[str]) -> str:
    """Return the partition of a row under another embedder.

    A partition is a digest of the request, the embedder and the policy epoch (see `keys.partition`); the one that
    gives the row's own tells by which protocol and under which policy it was made. Where none does, the row was made
    under a configuration that is gone: only an exact repeat could find it, and its partition stays.
    """
    if row["partition"] == plain_partition(old, row["model"]):
        return plain_partition(new, row["model"])
    try:
        body = orjson.loads("".join(row["request"]))
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        for epoch in policy_epochs:
            for protocol in PROTOCOLS:
                if partition(row["scope"], old, epoch, protocol, row["model"], body) == row["partition"]:
                    return partition(row["scope"], new, epoch, protocol, row["model"], body) or str(row["partition"])
    return str(row["partition"])
