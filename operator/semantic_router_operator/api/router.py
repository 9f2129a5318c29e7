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

    repository: Text | None = None
    tag: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")] | None = None
    digest: Annotated[str, Field(max_length=128, pattern=r"^sha256:[0-9a-f]{64}$")] | None = Field(
        None, description="Wins over tag."
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    pull_secrets: tuple[SecretRef, ...] = Field((), max_length=8)


class ResourceList(ApiModel):
    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = Field(None, alias="ephemeral-storage")


class Resources(ApiModel):
    """Of the router's container."""

    requests: ResourceList = ResourceList()
    limits: ResourceList = ResourceList()


class Autoscaling(ApiModel):
    """A HorizontalPodAutoscaler. While it is on, replicas belong to it and are never written by the operator."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
                "minReplicas must not exceed maxReplicas",
            )
        )
    )

    enabled: bool = True
    min_replicas: int = Field(2, ge=1, le=1000)
    max_replicas: int = Field(10, ge=1, le=1000)
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

    enabled: bool = True
    min_available: IntOrPercent | None = None
    max_unavailable: IntOrPercent | None = None


class Service(ApiModel):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    annotations: StringMap = Field(default_factory=dict)
    admin_port: bool = Field(False, description="Whether the Service has port 8080 (dashboard, statistics).")


class Ingress(ApiModel):
    enabled: bool = True
    class_name: DnsName | None = None
    host: DnsName
    path: Annotated[str, Field(max_length=512, pattern=r"^/.*$")] = "/"
    annotations: StringMap = Field(default_factory=dict)
    tls_secret_ref: SecretRef | None = None


class ParentRef(ApiModel):
    name: DnsName
    namespace: DnsName | None = None
    section_name: DnsName | None = None


class HttpRoute(ApiModel):
    """A route of the Gateway API."""

    enabled: bool = True
    parent_refs: tuple[ParentRef, ...] = Field(min_length=1, max_length=8)
    hostnames: tuple[DnsName, ...] = Field((), max_length=16)


class Scheduling(ApiModel):
    """Where pods run; the fields are those of a pod."""

    node_selector: StringMap = Field(default_factory=dict)
    tolerations: tuple[FreeForm, ...] = Field((), max_length=32)
    affinity: FreeForm = Field(default_factory=dict)
    topology_spread_constraints: tuple[FreeForm, ...] | None = Field(
        None, max_length=8, description="None: one that spreads pods over nodes where it can."
    )
    priority_class_name: DnsName | None = None
    runtime_class_name: DnsName | None = None


class PodTemplate(ApiModel):
    """Additions to the pod. What the operator sets itself cannot be overridden here."""

    labels: StringMap = Field(default_factory=dict)
    annotations: StringMap = Field(default_factory=dict)
    env: tuple[FreeForm, ...] = Field((), max_length=64)
    volumes: tuple[FreeForm, ...] = Field((), max_length=32)
    volume_mounts: tuple[FreeForm, ...] = Field((), max_length=32)
    service_account_name: DnsName | None = Field(None, description="None: one is made.")


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
    pod_disruption_budget: PodDisruptionBudget | None = None
    service: Service = Service()
    ingress: Ingress | None = None
    http_route: HttpRoute | None = None
    scheduling: Scheduling = Scheduling()
    pod_template: PodTemplate = PodTemplate()
    admin_token_secret_ref: SecretKeyRef | None = Field(
        None,
        description="The token of the admin port. A rotation needs no restart. None: reading only, and no questions.",
    )
    limits: Limits = Limits()
    drain_seconds: int = Field(25, ge=0, le=3600, description="How long running answers may finish at a stop.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
