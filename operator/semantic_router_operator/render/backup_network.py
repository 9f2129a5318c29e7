"""Who the pods of backups may talk to: nobody calls them, and they call the object store and what holds the entries."""

from typing import Any
from urllib.parse import urlsplit

from semantic_router_operator.api.backup import S3Storage
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import backup_names, job_names, names
from semantic_router_operator.render.backup_config import MINIO_PORT, store_endpoint, uses_managed
from semantic_router_operator.render.network import DNS, leads_to, milvus_rules, pods_of, policy, tcp

Object = dict[str, Any]


def backup_policy(resource: SemanticRouter) -> list[Object]:
    """Return the NetworkPolicy of the backups' pods, or nothing where none is wanted."""
    wanted = resource.spec.network_policy
    if wanted is None or not wanted.enabled:
        return []
    backup = resource.spec.backup
    egress = backup_egress(resource, backup.s3 if backup is not None else None)
    found = policy(resource, backup_names.backup(resource), job_names.selector(resource), ingress=[], egress=egress)
    components = [backup_names.COMPONENT, backup_names.DRILL_COMPONENT]
    found["spec"]["podSelector"]["matchExpressions"] = [
        {"key": "app.kubernetes.io/component", "operator": "In", "values": components}
    ]
    return [found]


def backup_egress(resource: SemanticRouter, storage: S3Storage | None) -> list[Object]:
    """Return the egress rules of a pod of backups or restores: names, the store, Milvus, and the routers' entries."""
    rules: list[Object] = [DNS]
    if uses_managed(resource):
        minio = {"app": "minio", "release": f"{names.milvus(resource)}-minio"}
        rules.append({"to": [pods_of(minio)], "ports": tcp(MINIO_PORT)})
    if storage is not None:
        parts = urlsplit(store_endpoint(resource, storage))
        port = parts.port or (443 if parts.scheme == "https" else 80)
        rules += leads_to(parts.hostname or "", port, resource.metadata.namespace)
    rules += milvus_rules(resource)
    rules.append({"to": [pods_of(names.selector(resource))], "ports": tcp(names.ADMIN_PORT)})
    return [rule for number, rule in enumerate(rules) if rule not in rules[:number]]
