"""A healthy resource with everything around it, and ways to break one thing of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from semantic_router_operator.doctor.survey import SecretFacts, Survey
from semantic_router_operator.plan.probed import CollectionState, MilvusState, PodState, Probed

Json = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG_AGO = "2026-11-21T10:00:00Z"
JUST_NOW = "2026-11-21T11:59:50Z"
ROUTER = {"app.kubernetes.io/name": "semantic-router", "app.kubernetes.io/instance": "web"}
MILVUS = {"app.kubernetes.io/name": "milvus", "app.kubernetes.io/instance": "web"}


def resource(**spec: Any) -> Json:
    metadata = {
        "name": "web", "namespace": "shop", "uid": "u1", "generation": 3, "creationTimestamp": LONG_AGO,
        "managedFields": [{"manager": "kubectl", "time": LONG_AGO}],
    }  # fmt: skip
    told = [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Ready",
            "message": "All is well.",
            "lastTransitionTime": LONG_AGO,
        },
        {"type": "MilvusReady", "status": "True", "reason": "Ready", "message": "It answers."},
    ]
    return {"metadata": metadata, "spec": spec, "status": {"observedGeneration": 3, "conditions": told}}


def pod(name: str, labels: Json, **status: Any) -> Json:
    ready = [{"type": "Ready", "status": "True"}]
    metadata = {"name": name, "namespace": "shop", "labels": labels, "creationTimestamp": LONG_AGO}
    return {"metadata": metadata, "spec": {}, "status": {"conditions": ready, "podIP": "10.1.0.7", **status}}


def milvus(**status: Any) -> Json:
    metadata = {"name": "web", "namespace": "shop", "generation": 2, "creationTimestamp": LONG_AGO}
    conditions = [
        {"type": kind, "status": "True"}
        for kind in ("EtcdReady", "StorageReady", "MsgStreamReady", "MilvusReady", "MilvusUpdated")
    ]
    told = {"status": "Healthy", "observedGeneration": 2, "conditions": conditions, **status}
    return {"apiVersion": "milvus.io/v1beta1", "metadata": metadata, "spec": {"mode": "cluster"}, "status": told}


def claim(name: str = "web-minio", phase: str = "Bound", **spec: Any) -> Json:
    metadata = {"name": name, "creationTimestamp": LONG_AGO, "labels": {"release": "web-minio"}}
    return {"metadata": metadata, "spec": {"storageClassName": "fast", **spec}, "status": {"phase": phase}}


def deployment(name: str, labels: Json, replicas: int = 2, **status: Any) -> Json:
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas},
        "status": {"readyReplicas": replicas, **status},
    }


def event(kind: str, name: str, message: str, reason: str = "Failed") -> Json:
    about = {"kind": kind, "name": name}
    return {"metadata": {"name": "e"}, "involvedObject": about, "message": message, "reason": reason}


EXTERNAL = {
    "external": {
        "address": "milvus.shop.svc:19530",
        "credentialsSecretRef": {"name": "milvus-auth"},
        "tls": {"secretRef": {"name": "milvus-tls"}},
    }
}


def healthy(**spec: Any) -> Survey:
    """An external Milvus in the same namespace, unless the spec says otherwise."""
    service = {
        "metadata": {"name": "milvus"},
        "spec": {"selector": MILVUS, "ports": [{"port": 19530, "targetPort": 19530}, {"port": 9091}]},
    }
    policy = {
        "metadata": {"name": "allow-router-to-milvus"},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "milvus"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": ROUTER}}], "ports": [{"port": 19530}]}],
        },
    }
    lease = {
        "metadata": {"name": "semantic-router-operator", "namespace": "operators"},
        "spec": {"renewTime": "2026-11-21T11:59:58.000000Z", "holderIdentity": "one"},
    }
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    later = NOW + timedelta(days=300)
    state = CollectionState("semantic_cache_1", 1000, "HNSW", "IP", loaded=True)
    return Survey(
        namespace="shop",
        name="web",
        now=NOW,
        resource=resource(milvus=EXTERNAL, **spec) if "milvus" not in spec else resource(**spec),
        objects={
            "Pod": (pod("web-1", ROUTER), pod("milvus-0", MILVUS)),
            "Service": (service,),
            "NetworkPolicy": (policy,),
            "Deployment": (deployment("web", ROUTER),),
            "PersistentVolumeClaim": (claim(),),
            "StorageClass": ({"metadata": {"name": "fast", "annotations": default}},),
            "Lease": (lease,),
            "Milvus": (),
            "Event": (),
            "Job": (),
        },
        secrets={
            "milvus-auth": SecretFacts("milvus-auth", frozenset({"username", "password"})),
            "milvus-tls": SecretFacts("milvus-tls", frozenset({"ca.crt"}), {}, {"ca.crt": later}),
        },
        probed=Probed((PodState("web-1", epoch="e", backend="hybrid"),), MilvusState(True, True, "2.6.0", state)),
        clock_offset=0.4,
    )


def managed() -> Survey:
    """A Milvus that milvus-operator runs."""
    survey = healthy(milvus={"managed": {"mode": "cluster"}})
    return having(survey, "Milvus", milvus())


def having(survey: Survey, kind: str, *objects: Json, also: bool = False) -> Survey:
    """The survey with these objects of a kind; `also`: beside those that are there."""
    found = (*(survey.all(kind) if also else ()), *objects)
    return replace(survey, objects={**survey.objects, kind: found})


def told(survey: Survey, kind: str, status: str, reason: str, message: str = "So it is.") -> Survey:
    """The survey with that condition of the resource."""
    raw = dict(survey.resource or {})
    others = [each for each in raw["status"]["conditions"] if each["type"] != kind]
    new = {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": LONG_AGO}
    raw["status"] = {**raw["status"], "conditions": [*others, new]}
    return replace(survey, resource=raw)


def probing(survey: Survey, change: Callable[[MilvusState], MilvusState]) -> Survey:
    """The survey with another state of Milvus."""
    assert survey.probed is not None
    assert survey.probed.milvus is not None
    return replace(survey, probed=replace(survey.probed, milvus=change(survey.probed.milvus)))
