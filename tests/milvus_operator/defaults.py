"""What milvus-operator writes back into the spec of a new Milvus, within a second: generation 1 becomes 3."""

import copy
from typing import Any

Json = dict[str, Any]
FINALIZER = "milvus.milvus.io/finalizer"
_CHART_VALUES: dict[str, Json] = {
    "etcd": {"auth": {"rbac": {"enabled": False}}, "persistence": {"enabled": True, "size": "10Gi"}, "replicaCount": 3},
    "storage": {"accessKey": "minioadmin", "mode": "standalone", "persistence": {"enabled": True, "size": "500Gi"},
                "secretKey": "minioadmin"},
    "pulsar": {"components": {"proxy": True}, "proxy": {"replicaCount": 2},
               "zookeeper": {"volumes": {"data": {"size": "20Gi"}}}},
}  # fmt: skip
_VERSIONS = {"etcd": "etcd-v8", "storage": "minio-v8", "pulsar": "pulsar-v3"}
_DONE = "milvus.io/dependency-values-merged"
COMPONENTS = {
    "standalone": ("standalone",),
    "cluster": ("proxy", "mixCoord", "dataNode", "indexNode", "queryNode"),
    "streaming": ("proxy", "mixCoord", "dataNode", "streamingNode", "queryNode"),
}


def components_of(spec: Json) -> tuple[str, ...]:
    """The components that run."""
    if spec.get("mode") != "cluster":
        return COMPONENTS["standalone"]
    version = str(spec["components"].get("version", "v2.5.0")).removeprefix("v")
    return COMPONENTS["streaming" if tuple(map(int, version.split(".")[:2])) >= (2, 6) else "cluster"]


def filled(milvus: Json) -> Json:
    """The resource with defaults; equal to what was given where they are there already."""
    result = copy.deepcopy(milvus)
    metadata, spec, name = result["metadata"], result["spec"], milvus["metadata"]["name"]
    if FINALIZER not in metadata.setdefault("finalizers", []):
        metadata["finalizers"].append(FINALIZER)
    metadata.setdefault("labels", {})["milvus.io/operator-version"] = "1.3.8"
    once = metadata.setdefault("annotations", {}).get(_DONE) != "true"
    metadata["annotations"][_DONE] = "true"
    spec.setdefault("mode", "standalone")
    dependencies = spec.setdefault("dependencies", {})
    for kind in ("etcd", "storage", *(["pulsar"] if dependencies.get("msgStreamType") == "pulsar" else [])):
        inside = dependencies.setdefault(kind, {}).setdefault("inCluster", {})
        if once:
            inside["values"] = _merged(_CHART_VALUES[kind], inside.get("values") or {})
        inside.setdefault("chartVersion", _VERSIONS[kind])
        inside.setdefault("deletionPolicy", "Retain")
        if inside.get("pvcDeletion") is False:
            del inside["pvcDeletion"]
    dependencies["etcd"].setdefault("endpoints", [f"{name}-etcd.{metadata['namespace']}:2379"])
    dependencies["storage"].setdefault("endpoint", f"{name}-minio.{metadata['namespace']}:9000")
    dependencies["storage"].setdefault("secretRef", f"{name}-minio")
    components = spec.setdefault("components", {})
    components.setdefault("rollingMode", 2)
    for component in components_of(spec):
        components.setdefault(component, {}).setdefault("replicas", 1)
    return result


def _merged(defaults: Json, given: Json) -> Json:
    result = copy.deepcopy(defaults)
    for key, value in given.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
    return result
