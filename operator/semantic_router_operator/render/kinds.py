"""Every kind of object that the operator makes: what it watches, removes and needs rights for follows from here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChildKind:
    """One kind. `optional`: it is there only where its CustomResourceDefinition is installed."""

    api_version: str
    kind: str
    plural: str
    optional: bool = False

    @property
    def group(self) -> str:
        """The API group, empty for Kubernetes' core."""
        return self.api_version.rpartition("/")[0]


CHILD_KINDS = (
    ChildKind("v1", "ConfigMap", "configmaps"),
    ChildKind("v1", "Service", "services"),
    ChildKind("v1", "ServiceAccount", "serviceaccounts"),
    ChildKind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ChildKind("apps/v1", "Deployment", "deployments"),
    # States that became ready, to go back to.
    ChildKind("apps/v1", "ControllerRevision", "controllerrevisions"),
    ChildKind("batch/v1", "Job", "jobs"),
    ChildKind("batch/v1", "CronJob", "cronjobs"),
    ChildKind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ChildKind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ChildKind("networking.k8s.io/v1", "Ingress", "ingresses"),
    ChildKind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ChildKind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", optional=True),
    ChildKind("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors", optional=True),
    ChildKind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules", optional=True),
    ChildKind("milvus.io/v1beta1", "Milvus", "milvuses", optional=True),
    # Before an upgrade of a managed Milvus.
    ChildKind("semanticrouter.dev/v1alpha1", "SemanticCacheBackup", "semanticcachebackups"),
    ChildKind("cert-manager.io/v1", "Certificate", "certificates", optional=True),
)
