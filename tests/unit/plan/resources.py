"""Random valid resources for edits; they touch every part that makes, changes or removes an object."""

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
QUANTITIES = st.sampled_from(["100m", "500m", "0.5", "1", "1000m", "2"])
MEMORY = st.sampled_from(["512Mi", "0.5Gi", "1Gi", "1024Mi", "1073741824"])
LABELS = st.dictionaries(st.sampled_from(["team", "tier", "on"]), st.sampled_from(["a", "007", "yes", ""]), max_size=2)


def _router() -> st.SearchStrategy[Json]:
    resources = st.fixed_dictionaries(
        {"requests": st.fixed_dictionaries({}, optional={"cpu": QUANTITIES, "memory": MEMORY})},
    )
    variable = st.one_of(
        st.fixed_dictionaries({"value": st.sampled_from(["", "1", "b"])}),
        st.just({"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
    )
    pod_template = st.fixed_dictionaries(
        {},
        optional={
            "labels": LABELS,
            "annotations": LABELS,
            "env": st.dictionaries(st.sampled_from(["A", "B", "C"]), variable, max_size=3).map(
                lambda found: [{"name": name, **value} for name, value in found.items()]
            ),
        },
    )
    scheduling = st.fixed_dictionaries(
        {},
        optional={
            "nodeSelector": LABELS,
            "tolerations": st.just([{"key": "gpu", "operator": "Exists"}]),
            "topologySpreadConstraints": st.just([]),
            "priorityClassName": st.just("high"),
        },
    )
    budget = st.sampled_from(
        [{"enabled": True}, {"enabled": False}, {"minAvailable": 1}, {"maxUnavailable": "50%"}, {"minAvailable": "10%"}]
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "image": st.fixed_dictionaries({"tag": st.sampled_from(["1", "2"])}),
            "resources": resources,
            "podTemplate": pod_template,
            "scheduling": scheduling,
            "podDisruptionBudget": budget,
            "service": st.fixed_dictionaries(
                {"type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]), "annotations": LABELS},
                optional={"adminPort": st.booleans()},
            ),
            "ingress": st.fixed_dictionaries(
                {"host": st.sampled_from(["a.example", "b.example"])},
                optional={"tlsSecretRef": st.just({"name": "tls"}), "annotations": LABELS, "enabled": st.booleans()},
            ),
            "drainSeconds": st.integers(0, 60),
        },
    )


@st.composite
def specs(draw: st.DrawFn) -> Json:
    """One spec."""
    models = draw(st.lists(st.sampled_from(["small", "large", "123"]), min_size=1, max_size=3, unique=True))
    secured = draw(st.booleans())
    provider: Json = {"name": "one", "baseURL": "http://one/v1"}
    if secured:
        provider["apiKeySecretRef"] = {"name": "keys", "key": "one"}
    router = draw(_router())
    spec: Json = {
        "profile": draw(st.sampled_from(["development", "staging", "production"])),
        "router": router,
        "providers": [provider],
        "models": [{"name": name, "provider": "one"} for name in models],
        "cache": {"similarityThreshold": draw(st.sampled_from([0.8, 0.9, 1.0]))},
        # No pods run here, so that no other way of changing places would end.
        "migration": {"strategy": "immediate"},
    }
    where = draw(st.sampled_from(["none", "embedded", "stored", "external"]))
    if where == "external":
        spec["milvus"] = {"external": {"address": "milvus.example:19530"}}
    elif where == "embedded":
        spec["milvus"] = {"embedded": {}}
    elif where == "stored":
        spec["milvus"] = {"embedded": {"storage": {"size": "1Gi"}}}
    how = draw(st.sampled_from(["preset", "fixed", "autoscaled"]))
    if how == "fixed" and where in ("none", "external"):
        router["replicas"] = draw(st.integers(0, 5))
    elif how == "autoscaled" and where in ("none", "external"):
        router["autoscaling"] = {"minReplicas": draw(st.integers(1, 3)), "maxReplicas": draw(st.integers(3, 6))}
    return spec
