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
_VERSIONS = {"etcd": "etcd-v8", "pulsar": "pulsar-v3"}
_DONE = "milvus.io/dependency-values-merged"
COMPONENTS = {
    "standalone": ("standalone",),
    "cluster": ("proxy", "mixCoord", "dataNode", "indexNode", "queryNode", "standalone"),
    "streaming": ("proxy", "mixCoord", "dataNode", "streamingNode", "queryNode", "standalone"),
}
# What every component, and every message stream that is not used, gets.
_COMPONENT: Json = {"paused": False, "probes": None, "securityContext": None}
_STREAMS: Json = {
    "kafka": {"external": False},
    "natsmq": {"persistence": {"persistentVolumeClaim": {"spec": None}}},
    "pulsar": {"endpoint": "", "external": False},
    "rocksmq": {"persistence": {"persistentVolumeClaim": {"spec": None}}},
    "tei": {"enabled": False},
    "woodpecker": {"external": False, "persistence": {"persistentVolumeClaim": {"spec": None}}},
}
_COORDINATORS = ("dataCoord", "indexCoord", "queryCoord", "rootCoord")


def components_of(spec: Json) -> tuple[str, ...]:
    """The components that have Deployments; a cluster has one of standalone as well, without pods."""
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
    metadata["annotations"] |= {_DONE: "true", "milvus.io/pod-service-label-added": "true"}
    spec.setdefault("mode", "standalone")
    dependencies = spec.setdefault("dependencies", {})
    for kind in ("etcd", "storage", *(["pulsar"] if dependencies.get("msgStreamType") == "pulsar" else [])):
        inside = dependencies.setdefault(kind, {"external": False}).setdefault("inCluster", {})
        if once:
            inside["values"] = _merged(_CHART_VALUES[kind], inside.get("values") or {})
        if kind in _VERSIONS:
            inside.setdefault("chartVersion", _VERSIONS[kind])
        inside.setdefault("deletionPolicy", "Retain")
        if inside.get("pvcDeletion") is False:
            del inside["pvcDeletion"]
    etcd, storage, namespace = dependencies["etcd"], dependencies["storage"], metadata["namespace"]
    # Those of the beginning; more members come to no more.
    members = range(etcd["inCluster"]["values"]["replicaCount"])
    etcd.setdefault("endpoints", [f"{name}-etcd-{number}.{name}-etcd-headless.{namespace}:2379" for number in members])
    storage.setdefault("endpoint", f"{name}-minio.{namespace}:9000")
    storage.setdefault("secretRef", f"{name}-minio")
    storage.setdefault("type", "MinIO")
    if "pulsar" in dependencies:
        dependencies["pulsar"].setdefault("endpoint", f"{name}-pulsar-proxy.{namespace}:6650")
    _fill(dependencies, _STREAMS)
    rocksmq = dependencies.get("msgStreamType") == "rocksmq"
    components = spec.setdefault("components", {})
    rolling = {"enableRollingUpdate": not rocksmq, "imageUpdateMode": "rollingUpgrade", "rollingMode": 2}
    _fill(
        components, {**rolling, **_COMPONENT, "disableMetric": False, "metricInterval": "", "updateConfigMapOnly": True}
    )
    if not rocksmq:
        _fill(spec.setdefault("config", {}), {each: {"enableActiveStandby": True} for each in _COORDINATORS})
    for component in components_of(spec):
        spare = component == "standalone" and spec["mode"] == "cluster"
        _fill(components.setdefault(component, {}), {**_COMPONENT, "replicas": 0 if spare else 1})
    return result


def _fill(given: Json, defaults: Json) -> None:
    """Put in what is not there, at any depth."""
    for key, value in defaults.items():
        if isinstance(given.setdefault(key, copy.deepcopy(value)), dict) and isinstance(value, dict):
            _fill(given[key], value)


def _merged(defaults: Json, given: Json) -> Json:
    result = copy.deepcopy(defaults)
    for key, value in given.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
    return result
