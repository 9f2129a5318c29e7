"""All objects of one resource."""

from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.availability import autoscaler, disruption_budget
from semantic_router_operator.render.backups import backup_objects
from semantic_router_operator.render.deployment import deployment
from semantic_router_operator.render.exposure import http_route, ingress
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.metadata import claim_metadata, metadata
from semantic_router_operator.render.milvus import milvus, upgrade_backup
from semantic_router_operator.render.milvus_certificate import certificate
from semantic_router_operator.render.milvus_config import milvus_config_text
from semantic_router_operator.render.milvus_network import milvus_policies
from semantic_router_operator.render.model_files import model_claim
from semantic_router_operator.render.monitoring import dashboard, milvus_monitor, prometheus_rule, service_monitor
from semantic_router_operator.render.network import router_policy
from semantic_router_operator.render.router_config import restart_text, router_config, router_config_text

Object = dict[str, Any]


def render(resource: SemanticRouter, facts: ClusterFacts) -> list[Object]:
    """Return the objects in the order in which they should be applied: what a pod reads before the pod."""
    config = router_config(resource)
    config_text = router_config_text(config)
    milvus_text = milvus_config_text(resource)
    objects: list[Object | None] = [
        _service_account(resource),
        _config_map(resource, names.router_config(resource), config_text),
    ]
    files = {"config.yaml": restart_text(config)}
    if milvus_text is not None:
        files["milvus.yaml"] = milvus_text
        objects.append(_config_map(resource, names.milvus_config(resource), milvus_text, key="milvus.yaml"))
    objects += [
        certificate(resource, facts),
        upgrade_backup(resource, facts),
        milvus(resource, facts),
        _data_claim(resource),
        model_claim(resource),
        _service(resource),
        _metrics_service(resource),
        # Before the pods, so that none of them is ever open.
        router_policy(resource),
        *milvus_policies(resource),
        deployment(resource, facts, files),
        autoscaler(resource),
        disruption_budget(resource),
        ingress(resource),
        http_route(resource, facts),
        service_monitor(resource, facts),
        milvus_monitor(resource, facts),
        prometheus_rule(resource, facts),
        dashboard(resource),
        *backup_objects(resource, facts),
    ]
    return [each for each in objects if each is not None]


def endpoint(resource: SemanticRouter) -> str:
    """Return where clients inside the cluster reach the router."""
    return f"http://{names.deployment(resource)}.{resource.metadata.namespace}.svc:{names.API_PORT}/v1"


def _service_account(resource: SemanticRouter) -> Object | None:
    if resource.spec.router.pod_template.service_account_name is not None:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(resource, names.deployment(resource)),
        "automountServiceAccountToken": False,
    }


def _config_map(resource: SemanticRouter, name: str, text: str, key: str = "config.yaml") -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(resource, name), "data": {key: text}}


def _data_claim(resource: SemanticRouter) -> Object | None:
    """The embedded Milvus' volume."""
    milvus = resource.spec.milvus
    if milvus is None or milvus.embedded is None or milvus.embedded.storage is None:
        return None
    storage = milvus.embedded.storage
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage.size}}}
    if storage.storage_class_name is not None:
        spec["storageClassName"] = storage.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": claim_metadata(resource, names.data_claim(resource), storage.deletion_policy),
        "spec": spec,
    }


def _service(resource: SemanticRouter) -> Object:
    service = resource.spec.router.service
    ports = [("http", names.API_PORT)]
    if service.admin_port:
        ports.append(("admin", names.ADMIN_PORT))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(resource, names.deployment(resource), service.annotations),
        "spec": {
            "type": service.type,
            "selector": names.selector(resource),
            "ports": [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in ports],
        },
    }


def _metrics_service(resource: SemanticRouter) -> Object:
    """A Service of its own: that of the API may be open to the world, and metrics name models and callers' habits."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(resource, names.metrics_service(resource)),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": names.selector(resource),
            "ports": [
                {"name": "metrics", "port": names.METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"},
            ],
        },
    }
