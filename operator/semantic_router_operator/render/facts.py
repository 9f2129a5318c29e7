"""What rendering has to know about the cluster beside the resource."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semantic_router_operator.render.kinds import CHILD_KINDS
from semantic_router_proxy.version import __version__

# Kinds that a cluster may serve or not, and that rendering makes use of.
OPTIONAL_KINDS = frozenset({"VolumeSnapshot", *(each.kind for each in CHILD_KINDS if each.optional)})
DEFAULT_IMAGE = f"ghcr.io/semantic-router/semantic-router:{__version__}"
DEFAULT_OPERATOR_IMAGE = f"ghcr.io/semantic-router/semantic-router-operator:{__version__}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim: what it asks for, and its class."""

    size: str
    storage_class: str


@dataclass(frozen=True, slots=True)
class StorageFacts:
    """`classes` says of each StorageClass whether its volumes may grow; `claims` are those of the namespace, by name,
    as far as they are Milvus'."""

    classes: Mapping[str, bool]
    default: str | None = None
    claims: Mapping[str, Claim] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BackupState:
    """How far a SemanticCacheBackup is, in its own words."""

    phase: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """`default_image` is the router's, `operator_image` that of the backups' Jobs; `kinds` are the kinds served beyond
    Kubernetes' own (ServiceMonitor, Milvus, HTTPRoute, ...); `secret_versions` maps each referenced Secret's name to
    its resourceVersion, so that its rotation changes what is rendered; `milvus` is what we have sent before as the spec
    of each managed Milvus that is there, by its name; `storage` is None where nobody looked, or the operator may
    not; `backups` are the SemanticCacheBackups before upgrades, by name; `awaiting` names each managed Milvus
    that is not made yet, since its volumes are to come from snapshots."""

    default_image: str = DEFAULT_IMAGE
    operator_image: str = DEFAULT_OPERATOR_IMAGE
    kinds: frozenset[str] = frozenset()
    secret_versions: Mapping[str, str] = field(default_factory=dict)
    config_map_versions: Mapping[str, str] = field(default_factory=dict)
    milvus: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    storage: StorageFacts | None = None
    backups: Mapping[str, BackupState] = field(default_factory=dict)
    awaiting: frozenset[str] = frozenset()
