"""Fields that change hands: given up by us, and meant to keep their value.

Server-side apply removes a field when its last owner no longer sends it, and the API server then fills in its default:
a Deployment that is handed to an autoscaler would fall to one replica in between. So its value is first applied under a
second manager, which the autoscaler then takes it from (Kubernetes' documentation of server-side apply, "Transferring
ownership").
"""

from collections.abc import Mapping
from typing import Any

from semantic_router_operator.plan.difference import owned_fields

Json = dict[str, Any]
HANDOVER_MANAGER = "semantic-router-operator-handover"


def handover(desired: Mapping[str, Any], existing: Mapping[str, Any]) -> list[Json]:
    """What to apply under HANDOVER_MANAGER before `desired` is applied; empty where nothing changes hands."""
    owned = owned_fields(existing) or {}
    ours = "f:replicas" in owned.get("f:spec", {})
    if desired["kind"] != "Deployment" or not ours or "replicas" in desired["spec"]:
        return []
    metadata = {key: existing["metadata"][key] for key in ("name", "namespace")}
    return [
        {
            "apiVersion": desired["apiVersion"],
            "kind": desired["kind"],
            "metadata": metadata,
            # An autoscaler leaves a Deployment without pods alone.
            "spec": {"replicas": existing["spec"]["replicas"] or 1},
        }
    ]
