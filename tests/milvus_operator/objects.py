"""The objects that milvus-operator and the charts behind it make, with their names, labels and owners."""

from typing import Any

from tests.milvus_operator.defaults import components_of

Json = dict[str, Any]
MANAGED_BY = "milvus-operator"
# Of the pods that the Service of Milvus leads to.
SERVED = "milvus.io/service"


def dependencies(milvus: Json) -> list[Json]:
    """What the charts make. It has no owner: Helm removes it, or leaves it."""
    name, spec = milvus["metadata"]["name"], milvus["spec"]
    values = {kind: part["inCluster"]["values"] for kind, part in spec["dependencies"].items() if _in_cluster(part)}
    etcd = {"app.kubernetes.io/name": "etcd", "app.kubernetes.io/instance": f"{name}-etcd"}
    minio = {"app": "minio", "release": f"{name}-minio"}
    secret = _object("v1", "Secret", f"{name}-minio", minio)
    found = [
        {**secret, "stringData": {"accesskey": "minioadmin", "secretkey": "minioadmin"}},
        _service(f"{name}-etcd", etcd, 2379),
        _service(f"{name}-minio", minio, 9000),
    ]
    count = values["etcd"]["replicaCount"]
    found += [_claim(f"data-{name}-etcd-{number}", etcd, values["etcd"]["persistence"]) for number in range(count)]
    store = values["storage"]
    distributed = store["mode"] == "distributed"
    claims = [f"export-{name}-minio-{number}" for number in range(4)] if distributed else [f"{name}-minio"]
    found += [_claim(each, minio, store["persistence"]) for each in claims]
    if "pulsar" in values:
        pulsar = {"app": "pulsar", "release": f"{name}-pulsar"}
        found.append(_service(f"{name}-pulsar-proxy", pulsar, 6650))
        for number in range(3):
            for kind in ("journal", "ledgers"):
                volume = values["pulsar"]["bookkeeper"]["volumes"][kind]
                claim = f"{name}-pulsar-bookie-{kind}-{name}-pulsar-bookie-{number}"
                found.append(_claim(claim, pulsar, volume, "storageClassName"))
    return found


def own(milvus: Json, image: str | None = None) -> list[Json]:
    """Milvus' own objects. `image` runs in place of the one that is asked for, where pods really run."""
    name, spec = milvus["metadata"]["name"], milvus["spec"]
    labels = {"app.kubernetes.io/instance": name, "app.kubernetes.io/name": "milvus"}
    service = _service(f"{name}-milvus", {**labels, SERVED: "true"}, 19530, 9091)
    service["metadata"]["labels"] = {}
    config = {**_object("v1", "ConfigMap", name, {}), "data": {"user.yaml": ""}}
    found = [config, service]
    for component in components_of(spec):
        suffix = "-0" if component == "queryNode" else ""
        found.append(_deployment(milvus, component, f"{name}-milvus-{component.lower()}{suffix}", image))
        if suffix:
            # Its Deployments take turns; the spare one has no pods.
            spare = _deployment(milvus, component, f"{name}-milvus-{component.lower()}-1", image)
            spare["spec"]["replicas"] = 0
            found.append(spare)
    for each in found:
        each["metadata"]["labels"] = {
            **labels,
            **each["metadata"]["labels"],
            "app.kubernetes.io/managed-by": MANAGED_BY,
        }
        each["metadata"]["ownerReferences"] = [_owner(milvus)]
    return found


def _deployment(milvus: Json, component: str, name: str, image: str | None) -> Json:
    components = milvus["spec"]["components"]
    own_part = components.get(component) or {}
    labels = {
        "app.kubernetes.io/instance": milvus["metadata"]["name"],
        "app.kubernetes.io/name": "milvus",
        "app.kubernetes.io/component": component.lower(),
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }
    container: Json = {
        "name": component.lower(),
        "image": components["image"],
        "env": components.get("env") or [],
        "resources": own_part.get("resources") or components.get("resources") or {},
        "volumeMounts": components.get("volumeMounts") or [],
        "ports": [{"containerPort": 19530}],
    }
    if image is not None:
        container |= _running(milvus, image)
    pod: Json = {"containers": [container], "volumes": components.get("volumes") or []}
    deployment = _object("apps/v1", "Deployment", name, {"app.kubernetes.io/component": component.lower()})
    # With -1 they are an autoscaler's.
    replicas = int(own_part.get("replicas", 1))
    annotations = components.get("podAnnotations") or {}
    deployment["spec"] = {
        **({"replicas": replicas} if replicas >= 0 else {}),
        "minReadySeconds": 2,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {
                "labels": {**labels, **({SERVED: "true"} if component in ("proxy", "standalone") else {})},
                "annotations": {"milvus.io/using-configmap": milvus["metadata"]["name"], **annotations},
            },
            "spec": {**pod, "terminationGracePeriodSeconds": 5},
        },
    }
    return deployment


def _running(milvus: Json, image: str) -> Json:
    """A container that restricted namespaces take, with the server's arguments for what the configuration says."""
    security = ((milvus["spec"].get("config") or {}).get("common") or {}).get("security") or {}
    arguments = ["--data=/data/milvus"]
    if security.get("authorizationEnabled"):
        arguments.append("--authorization-enabled=true")
    return {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "readinessProbe": {"tcpSocket": {"port": 19530}, "periodSeconds": 2},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _in_cluster(part: Any) -> bool:
    return isinstance(part, dict) and "inCluster" in part


def _object(api_version: str, kind: str, name: str, labels: Json) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": dict(labels)}}


def _service(name: str, selector: Json, *ports: int) -> Json:
    spec = {"selector": dict(selector), "ports": [{"name": f"p{port}", "port": port} for port in ports]}
    return {**_object("v1", "Service", name, selector), "spec": spec}


def _claim(name: str, labels: Json, volume: Json, class_key: str = "storageClass") -> Json:
    spec: Json = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": volume.get("size", "500Gi")}},
    }
    if volume.get(class_key):
        spec["storageClassName"] = volume[class_key]
    return {**_object("v1", "PersistentVolumeClaim", name, labels), "spec": spec}


def _owner(milvus: Json) -> Json:
    metadata = milvus["metadata"]
    return {
        "apiVersion": "milvus.io/v1beta1",
        "kind": "Milvus",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
