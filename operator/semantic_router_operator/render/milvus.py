"""The `Milvus` resource that milvus-operator carries out.

Only fields that are ours, since it writes its defaults into the rest. What it or Helm cannot take back stays as the
observed resource has it (`render.milvus_changes`). Observed with milvus-operator 1.3.8:
a false value is dropped and counts a generation each time, so none is sent; sizes are always sent, for the object
store's default is 500Gi; the version is always sent, for it cannot be read off every image.
"""

import hashlib
import json
from typing import Any

from semantic_router_operator.api.milvus import ComponentSpec, ManagedMilvus
from semantic_router_operator.api.router import Resources
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_changes import Settled, Volume, settled
from semantic_router_operator.render.milvus_upgrade import Upgrade, upgrade_of
from semantic_router_operator.render.milvus_volumes import growth, volume_problem

Object = dict[str, Any]

API_VERSION = "milvus.io/v1beta1"
KIND = "Milvus"
CERTIFICATE_DIR = "/milvus/tls"
# Changes of Milvus' configuration do not restart its pods by themselves; that of a pod annotation does.
CHECKSUM_ANNOTATION = "semanticrouter.dev/checksum"
# A server that speaks TLS cannot serve REST at its gRPC port; it must be told another one.
_REST_PORT = 8080


def milvus(resource: SemanticRouter, facts: ClusterFacts) -> Object | None:
    """Return the resource, or None where none is wanted or its kind is not served."""
    managed = managed_of(resource)
    if managed is None or KIND not in facts.kinds:
        return None
    there = facts.milvus.get(names.milvus(resource))
    if there is None and volume_problem(managed, facts.storage):
        # Its claims would wait for ever, and the one for etcd would be found half done.
        return None
    if there is None and names.milvus(resource) in facts.awaiting:
        # Made now, it would begin with empty volumes.
        return None
    final = _upgrade(resource, managed, facts).settled
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata(resource, names.milvus(resource)),
        "spec": {
            "mode": final.mode,
            "components": _components(resource, managed, final, facts),
            "dependencies": _dependencies(managed, final),
            "config": _config(managed),
        },
    }


def managed_of(resource: SemanticRouter) -> ManagedMilvus | None:
    """Return the section, or None."""
    return resource.spec.milvus.managed if resource.spec.milvus is not None else None


def outliving(resource: SemanticRouter, managed: ManagedMilvus) -> list[str]:
    """Return what stays when a resource goes whose Milvus is retained."""
    name = names.milvus(resource)
    kept = [f"data of Milvus/{name} (etcd, object store, message stream)"]
    if managed.auth.enabled:
        kept += [f"Secret/{names.milvus_root_secret(resource)}", f"Secret/{names.milvus_user_secret(resource)}"]
    return kept


def refused_changes(resource: SemanticRouter, facts: ClusterFacts) -> list[str]:
    """Return a sentence for each change that is not carried out, because Milvus cannot follow it."""
    managed = managed_of(resource)
    if managed is None:
        return []
    upgrade = _upgrade(resource, managed, facts)
    held = [upgrade.refused] if upgrade.refused else []
    return [*upgrade.settled.refused, *growth(resource, managed, facts).refused, *held]


def waiting_upgrade(resource: SemanticRouter, facts: ClusterFacts) -> str:
    """Return what an upgrade waits for; empty where none does."""
    managed = managed_of(resource)
    return _upgrade(resource, managed, facts).waiting if managed is not None else ""


def upgrade_backup(resource: SemanticRouter, facts: ClusterFacts) -> Object | None:
    """Return the backup that is to be made before an upgrade, or None."""
    managed = managed_of(resource)
    return _upgrade(resource, managed, facts).backup if managed is not None else None


def _upgrade(resource: SemanticRouter, managed: ManagedMilvus, facts: ClusterFacts) -> Upgrade:
    there = facts.milvus.get(names.milvus(resource))
    final = settled(managed, there, fixed_store=bool(growth(resource, managed, facts).refused))
    return upgrade_of(resource, facts, final)


def _components(resource: SemanticRouter, managed: ManagedMilvus, final: Settled, facts: ClusterFacts) -> Object:
    components: Object = {"image": f"{managed.image}:{final.tag}", "version": final.tag}
    if not managed.metrics:
        components["disableMetric"] = True
    labels = resource.spec.monitoring.labels if resource.spec.monitoring is not None else {}
    if managed.metrics and labels:
        components["metricLabels"] = dict(labels)
    if managed.resources is not None:
        components["resources"] = _resources(managed.resources)
    if managed.auth.enabled:
        root = {"name": names.milvus_root_secret(resource), "key": "password"}
        # Taken at Milvus' very first start; without it, root would have the password that everybody knows.
        components["env"] = [{"name": "COMMON_SECURITY_DEFAULTROOTPASSWORD", "valueFrom": {"secretKeyRef": root}}]
    if managed.tls is not None:
        secret = {"secretName": names.milvus_server_secret(resource)}
        components["volumes"] = [{"name": "certificates", "secret": secret}]
        components["volumeMounts"] = [{"name": "certificates", "mountPath": CERTIFICATE_DIR, "readOnly": True}]
    components["podAnnotations"] = {CHECKSUM_ANNOTATION: _checksum(resource, managed, facts)}
    if final.mode == "cluster":
        for name in type(managed.components).model_fields:
            part: ComponentSpec | None = getattr(managed.components, name)
            if part is not None:
                components[_camel(name)] = _component(part)
    return components


def _checksum(resource: SemanticRouter, managed: ManagedMilvus, facts: ClusterFacts) -> str:
    """A name of what Milvus reads at its start only: its configuration and its certificate."""
    certificate = names.milvus_server_secret(resource) if managed.tls is not None else ""
    content = [_config(managed), facts.secret_versions.get(certificate, "")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _component(part: ComponentSpec) -> Object:
    found: Object = {}
    if part.replicas is not None:
        found["replicas"] = part.replicas
    if part.resources is not None:
        found["resources"] = _resources(part.resources)
    return found


def _resources(resources: Resources) -> Object:
    dumped = resources.model_dump(by_alias=True, exclude_none=True)
    return {name: values for name, values in dumped.items() if values}


def _config(managed: ManagedMilvus) -> Object:
    config: Object = {}
    security: Object = {}
    if managed.auth.enabled:
        security["authorizationEnabled"] = True
    if managed.tls is not None:
        security["tlsMode"] = 1
        config["proxy"] = {"http": {"port": _REST_PORT}}
        # At the top: under `common` they have no effect.
        config["tls"] = {
            "serverPemPath": f"{CERTIFICATE_DIR}/tls.crt",
            "serverKeyPath": f"{CERTIFICATE_DIR}/tls.key",
            "caPemPath": f"{CERTIFICATE_DIR}/ca.crt",
        }
    if security:
        config["common"] = {"security": security}
    return config


def _dependencies(managed: ManagedMilvus, final: Settled) -> Object:
    clustered = final.mode == "cluster"
    policy: Object = {"deletionPolicy": "Retain"}
    if not managed.retained:
        policy = {"deletionPolicy": "Delete", "pvcDeletion": True}
    etcd = {"replicaCount": 3 if clustered else 1, "persistence": _values(final.etcd)}
    store = {
        "mode": "distributed" if clustered else "standalone",
        "persistence": _values(final.storage),
    }
    dependencies: Object = {
        "msgStreamType": final.message_stream,
        "etcd": {"inCluster": {"values": etcd, **policy}},
        "storage": {"inCluster": {"values": store, **policy}},
    }
    if final.message_stream == "pulsar":
        volume = _values(final.stream, "storageClassName")
        values = {
            "broker": {"replicaCount": 1},
            "zookeeper": {"volumes": {"data": volume}},
            "bookkeeper": {"volumes": {"journal": dict(volume), "ledgers": dict(volume)}},
        }
        # Its own default for a new one; said, so that Pulsar 2 and 3 can never stand side by side.
        dependencies["pulsar"] = {"inCluster": {"values": values, "chartVersion": "pulsar-v3", **policy}}
    if final.message_stream == "rocksmq":
        # Without persistence its messages stand in an emptyDir, and a new pod has lost them.
        claim: Object = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": final.stream.size}},
        }
        if final.stream.storage_class is not None:
            claim["storageClassName"] = final.stream.storage_class
        persistence: Object = {"enabled": True, "persistentVolumeClaim": {"spec": claim}}
        if not managed.retained:
            persistence["pvcDeletion"] = True
        dependencies["rocksmq"] = {"persistence": persistence}
    return dependencies


def _values(volume: Volume, class_key: str = "storageClass") -> Object:
    """Return the part of a chart's values; the charts call the class by two names."""
    values: Object = {"size": volume.size}
    if volume.storage_class is not None:
        values[class_key] = volume.storage_class
    return values


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))
