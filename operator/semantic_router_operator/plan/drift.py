"""Which field of the resource decides a field of a child object."""

from semantic_router_operator.plan.key import ObjectKey

# The longest matching beginning wins.
_FIELDS = {
    ("Deployment", "spec.replicas"): "spec.router.replicas",
    ("Deployment", "spec.progressDeadlineSeconds"): "spec.router.rollout.progressDeadlineSeconds",
    ("Deployment", "spec.template.spec.containers[router].image"): "spec.router.image",
    ("Deployment", "spec.template.spec.containers[router].resources"): "spec.router.resources",
    ("Deployment", "spec.template.spec.terminationGracePeriodSeconds"): "spec.router.drainSeconds",
    ("Deployment", "spec.template"): "spec.router.podTemplate",
    ("Deployment", ""): "spec.router",
    ("Service", "spec.type"): "spec.router.service.type",
    ("Service", ""): "spec.router.service",
    ("HorizontalPodAutoscaler", ""): "spec.router.autoscaling",
    ("PodDisruptionBudget", ""): "spec.router.podDisruptionBudget",
    ("Ingress", ""): "spec.router.ingress",
    ("HTTPRoute", ""): "spec.router.httpRoute",
    ("NetworkPolicy", ""): "spec.networkPolicy",
    ("ServiceMonitor", ""): "spec.monitoring.serviceMonitor",
    ("PrometheusRule", ""): "spec.monitoring.rules",
    ("Milvus", ""): "spec.milvus.managed",
    ("Milvus", "spec.mode"): "spec.milvus.managed.mode",
    ("Milvus", "spec.components.version"): "spec.milvus.managed.version",
    ("Certificate", ""): "spec.milvus.managed.tls",
    ("ConfigMap", "data.milvus.yaml"): "spec.milvus",
    ("ConfigMap", "data"): "spec.models, spec.providers, spec.routing or spec.cache",
    ("PersistentVolumeClaim", ""): "spec.milvus.embedded.storage",
}


def field_of(key: ObjectKey, path: str) -> str:
    """The resource's field to change instead of `path` of the object."""
    found = [
        (len(beginning), name)
        for (kind, beginning), name in _FIELDS.items()
        if kind == key.kind and path.startswith(beginning)
    ]
    return max(found)[1] if found else "the spec"
