"""What rendering has to know about the cluster beside the resource."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantic_router_operator.render.kinds import CHILD_KINDS

# Kinds that a cluster may serve or not, and that rendering makes use of.
OPTIONAL_KINDS = frozenset(each.kind for each in CHILD_KINDS if each.optional)
DEFAULT_IMAGE = "ghcr.io/semantic-router/semantic-router"


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """`kinds` are the kinds served beyond Kubernetes' own (ServiceMonitor, Milvus, HTTPRoute, ...); `secret_versions`
    maps each referenced Secret's name to its resourceVersion, so that its rotation changes what is rendered."""

    default_image: str = DEFAULT_IMAGE
    kinds: frozenset[str] = frozenset()
    secret_versions: Mapping[str, str] = field(default_factory=dict)
