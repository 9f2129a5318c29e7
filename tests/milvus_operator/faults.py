"""Failures that a test can ask for, by annotations on the Milvus resource."""

from collections.abc import Mapping
from typing import Any

_PREFIX = "stand-in.test/"
# The condition named is False, with this text: `stand-in.test/StorageReady: minio is down`.
CONDITIONS = ("EtcdReady", "StorageReady", "MsgStreamReady", "MilvusReady")
# Helm fails: no further generation is looked at, and the status stays as it is.
HELM_FAILS = f"{_PREFIX}helm-fails"
# The pods of Milvus stay as they are: nothing is scaled or upgraded, and yet reported as done.
PODS_STUCK = f"{_PREFIX}pods-stuck"
PAUSED = "milvus.io/pause-reconcile"


def annotations(milvus: Mapping[str, Any]) -> Mapping[str, str]:
    """The resource's annotations."""
    found: Mapping[str, str] = milvus["metadata"].get("annotations") or {}
    return found


def frozen(milvus: Mapping[str, Any]) -> bool:
    """Whether the real one would not look at a new generation."""
    given = annotations(milvus)
    return given.get(PAUSED) == "true" or HELM_FAILS in given


def down(milvus: Mapping[str, Any], condition: str) -> str | None:
    """Why the condition is to be False, or None."""
    return annotations(milvus).get(_PREFIX + condition)
