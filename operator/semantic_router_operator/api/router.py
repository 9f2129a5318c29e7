"""`spec.router`: the Deployment and what stands around it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import (
    ApiModel,
    DnsName,
    FreeForm,
    IntOrPercent,
    Quantity,
    SecretKeyRef,
    SecretRef,
    StringMap,
    Text,
    rules,
)


class Image(ApiModel):
    """The router's image; the operator's own version where nothing is set."""

    repository: Text | None = Field(None, description="None: the operator's default.")
    tag: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")] | None = Field(
        None, description="None: the operator's own version."
    )
    digest: Annotated[str, Field(max_length=128, pattern=r"^sha256:[0-9a-f]{64}$")] | None = Field(
        None, description="Wins over tag."
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="None: Kubernetes' own choice by tag."
    )
    pull_secrets: tuple[SecretRef, ...] = Field(
        (), max_length=8, description="Secrets of type kubernetes.io/dockerconfigjson."
    )


class ResourceList(ApiModel):
    cpu: Quantity | None = Field(None, description="Such as 500m or 2.")
    memory: Quantity | None = Field(None, description="Such as 512Mi.")
    ephemeral_storage: Quantity | None = Field(
        None, alias="ephemeral-storage", description="Such as 1Gi; of the node's disk."
    )


class Resources(ApiModel):
    """Of the router's container."""

    requests: ResourceList = Field(ResourceList(), description="What a pod is given for certain.")
    limits: ResourceList = Field(ResourceList(), description="What it never gets more of.")


class Autoscaling(ApiModel):
    """A HorizontalPodAutoscaler. While it is on, replicas belong to it and are never written by the operator."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.minReplicas) ? self.minReplicas : 2) <= (has(self.maxReplicas) ? self.maxReplicas : 10)",
                "minReplicas (2 where it is not set) must not exceed maxReplicas (10 where it is not set)",
            )
        )
    )

    enabled: bool = Field(True, description="false: as if the section were not there.")
    min_replicas: int = Field(2, ge=1, le=1000, description="Pods at least.")
    max_replicas: int = Field(10, ge=1, le=1000, description="Pods at most.")
    target_cpu_utilization: int = Field(70, ge=1, le=1000, description="Per cent of the requested CPU.")
    target_running_requests: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Requests being answered by a pod, on average: the router's own metric "
        "semantic_router_requests_running, which an adapter has to serve as a custom metric. Beside CPU; the larger "
        "number of pods holds.",
    )


class PodDisruptionBudget(ApiModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!(has(self.minAvailable) && has(self.maxUnavailable))",
                "set minAvailable or maxUnavailable, not both",
            )
        )
    )

    enabled: bool = Field(True, description="false: as if the section were not there.")
    min_available: IntOrPercent | None = Field(None, description="Pods, or a share such as 50%, that stay.")
    max_unavailable: IntOrPercent | None = Field(
        None, description="Pods, or a share, that may be away at once; where neither is set, 1."
    )


class Service(ApiModel):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        "ClusterIP", description="LoadBalancer and NodePort publish the API only; metrics have a Service of their own."
    )
    annotations: StringMap = Field(default_factory=dict, description="Of the Service.")
    admin_port: bool = Field(False, description="Whether the Service has port 8080 (dashboard, statistics).")


class Ingress(ApiModel):
    enabled: bool = Field(True, description="false: as if the section were not there.")
    class_name: DnsName | None = Field(None, description="The IngressClass; None: the cluster's default.")
    host: DnsName = Field(description="The name that clients ask for.")
    path: Annotated[str, Field(max_length=512, pattern=r"^/.*$")] = Field(
        "/", description="Beginning of the paths that lead here."
    )
    annotations: StringMap = Field(default_factory=dict, description="Of the Ingress.")
    tls_secret_ref: SecretRef | None = Field(None, description="A Secret with tls.crt and tls.key for the host.")


class ParentRef(ApiModel):
    name: DnsName = Field(description="Of the Gateway.")
    namespace: DnsName | None = Field(None, description="Of the Gateway; None: the resource's own.")
    section_name: DnsName | None = Field(None, description="One listener of the Gateway; None: all that fit.")


class HttpRoute(ApiModel):
    """A route of the Gateway API."""

    enabled: bool = Field(True, description="false: as if the section were not there.")
    parent_refs: tuple[ParentRef, ...] = Field(
        min_length=1, max_length=8, description="The Gateways that the route hangs on."
    )
    hostnames: tuple[DnsName, ...] = Field((), max_length=16, description="None: those of the Gateway.")


class Scheduling(ApiModel):
    """Where pods run; the fields are those of a pod."""

    node_selector: StringMap = Field(default_factory=dict, description="Labels of the nodes.")
    tolerations: tuple[FreeForm, ...] = Field((), max_length=32, description="As in a pod.")
    affinity: FreeForm = Field(default_factory=dict, description="As in a pod.")
    topology_spread_constraints: tuple[FreeForm, ...] | None = Field(
        None, max_length=8, description="None: one that spreads pods over nodes where it can."
    )
    priority_class_name: DnsName | None = Field(None, description="A PriorityClass.")
    runtime_class_name: DnsName | None = Field(None, description="A RuntimeClass.")


class PodTemplate(ApiModel):
    """Additions to the pod. What the operator sets itself cannot be overridden here.

    A change of a Secret or ConfigMap that is named in env, envFrom or volumes restarts the pods, one after another.
    """

    labels: StringMap = Field(default_factory=dict, description="Of the pods.")
    annotations: StringMap = Field(default_factory=dict, description="Of the pods.")
    env: tuple[FreeForm, ...] = Field((), max_length=64, description="As in a container.")
    env_from: tuple[FreeForm, ...] = Field((), max_length=16, description="As in a container.")
    volumes: tuple[FreeForm, ...] = Field((), max_length=32, description="As in a pod.")
    volume_mounts: tuple[FreeForm, ...] = Field((), max_length=32, description="As in a container.")
    service_account_name: DnsName | None = Field(None, description="None: one is made.")


class Rollout(ApiModel):
    """How new pods take over from old ones. Old pods serve until new ones are ready."""

    on_failure: Literal["Report", "RollBack"] = Field(
        "Report",
        description="RollBack: the last state that became ready comes back by itself, until the resource is changed.",
    )
    progress_deadline_seconds: int = Field(
        600, ge=1, le=86_400, description="A rollout without any progress for so long has failed."
    )


class Limits(ApiModel):
    """What a single request may be."""

    max_body_bytes: int = Field(20 * 1024 * 1024, ge=1024, le=1024**3, description="413 above.")
    max_body_depth: int = Field(128, ge=8, le=250, description="Nesting of the JSON; 400 above.")
    max_header_bytes: int = Field(64 * 1024, ge=1024, le=1024**2, description="431 above.")
    receive_timeout_seconds: int = Field(
        60, ge=1, le=3600, description="How long a request's head, and then its body, may take to arrive (408)."
    )
    request_timeout_seconds: int = Field(600, ge=1, le=86_400, description="How long an answer may take (504).")


class RouterSpec(ApiModel):
    """The router's Deployment and Service."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!(has(self.replicas) && has(self.autoscaling) && (!has(self.autoscaling.enabled) || "
                "self.autoscaling.enabled))",
                "replicas belong to the HorizontalPodAutoscaler while autoscaling is on: remove replicas, or set "
                "autoscaling.enabled to false",
            )
        )
    )

    image: Image = Image()
    replicas: int | None = Field(None, ge=0, le=1000, description="Default by profile: 1, 2 or 3.")
    autoscaling: Autoscaling | None = None
    resources: Resources | None = Field(None, description="Default by profile.")
    pod_disruption_budget: PodDisruptionBudget | None = Field(None, description="None: no budget.")
    service: Service = Field(Service(), description="The Service of the API.")
    ingress: Ingress | None = Field(None, description="None: no Ingress.")
    http_route: HttpRoute | None = None
    scheduling: Scheduling = Scheduling()
    pod_template: PodTemplate = PodTemplate()
    rollout: Rollout = Rollout()
    admin_token_secret_ref: SecretKeyRef | None = Field(
        None,
        description="The token of the admin port. A rotation needs no restart. None: reading only, and no questions.",
    )
    limits: Limits = Limits()
    drain_seconds: int = Field(25, ge=0, le=3600, description="How long running answers may finish at a stop.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity of what is logged."
    )
