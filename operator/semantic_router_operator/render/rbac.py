"""The rights that the operator needs, derived from what it does; manifests/ and the chart are written from here."""

from typing import Any

from semantic_router_operator.api import GROUP
from semantic_router_operator.api.crd import KINDS
from semantic_router_operator.render.kinds import CHILD_KINDS

Rule = dict[str, Any]
_WATCH = ["get", "list", "watch"]
# Server-side apply is a patch that may create; nothing is ever replaced.
_KEEP = [*_WATCH, "create", "patch", "delete"]


def rules() -> list[Rule]:
    """What the operator may do in each namespace that it watches."""
    children: dict[str, list[str]] = {}
    for each in CHILD_KINDS:
        children.setdefault(each.group, []).append(each.plural)
    return [
        _rule(GROUP, [each.plural for each in KINDS], _WATCH),
        _rule(GROUP, [f"{each.plural}/status" for each in KINDS], ["patch"]),
        # Children name the resource as their owner with blockOwnerDeletion, which OwnerReferencesPermissionEnforcement
        # grants only to those who may set its finalizers.
        _rule(GROUP, [f"{each.plural}/finalizers" for each in KINDS], ["update"]),
        *(_rule(group, plurals, _KEEP) for group, plurals in children.items()),
        # Secrets for their versions and keys, pods for the reasons why they do not run.
        _rule("", ["secrets", "pods"], _WATCH),
        # The logins of a managed Milvus are made once, and changed by a rotation only.
        _rule("", ["secrets"], ["create", "patch"]),
        # Of the whole cluster: in a Role it grants nothing, and then nobody looks whether Milvus' volumes can be made.
        _rule("storage.k8s.io", ["storageclasses"], ["get", "list"]),
        _rule("events.k8s.io", ["events"], ["get", "create", "patch"]),
        # Cut after a backup; deleted when they are too many.
        _rule("snapshot.storage.k8s.io", ["volumesnapshots"], [*_WATCH, "create", "delete"]),
        # Of the whole cluster, too: without it the snapshot controller chooses the class.
        _rule("snapshot.storage.k8s.io", ["volumesnapshotclasses"], ["list"]),
        # What the doctor looks at beside that, when a resource stays not ready.
        _rule("", ["events"], ["list"]),
        _rule("apps", ["statefulsets"], ["list"]),
    ]


def lease_rules(name: str) -> list[Rule]:
    """What it may do beside that in its own namespace: hold the Lease `name`. A creation cannot be limited by name."""
    return [
        _rule("coordination.k8s.io", ["leases"], ["create"]),
        {**_rule("coordination.k8s.io", ["leases"], ["get", "update"]), "resourceNames": [name]},
    ]


def webhook_rules(name: str) -> list[Rule]:
    """What it may do in the whole cluster for its webhook: keep the caBundle of the configuration `name`."""
    group = "admissionregistration.k8s.io"
    return [{**_rule(group, ["validatingwebhookconfigurations"], ["get", "patch"]), "resourceNames": [name]}]


def certificate_rules(name: str) -> list[Rule]:
    """What it may do in its own namespace for the webhook `name`: keep its certificate in a Secret."""
    return [
        _rule("", ["secrets"], ["create"]),
        {**_rule("", ["secrets"], ["get", "patch"]), "resourceNames": [f"{name}-webhook-tls"]},
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Rule:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
