"""`spec.migration`, `spec.monitoring` and `spec.networkPolicy`."""

from typing import Literal

from pydantic import Field

from semantic_router_operator.api.base import ApiModel, DnsName, FreeForm, HttpUrl, StringMap


class Validation(ApiModel):
    """When a migration counts as good."""

    window_seconds: int = Field(300, ge=1, le=86_400, description="How long it is watched.")
    max_error_ratio: float = Field(0.01, ge=0, le=1, description="Failures among calls at most.")


class Migration(ApiModel):
    """How a change of backend is carried out."""

    strategy: Literal["staged", "immediate"] = Field("staged", description="By steps, or at once.")
    warm: bool = Field(True, description="Whether the entries are taken along.")
    validation: Validation = Validation()
    rollback: Literal["automatic", "manual"] = Field(
        "automatic", description="Whether the operator goes back by itself."
    )
    timeout_seconds: int = Field(3600, ge=60, le=86_400, description="For all of it once the new place is there.")


class Tracing(ApiModel):
    """Spans for an OpenTelemetry collector, by OTLP over HTTP."""

    endpoint: HttpUrl = Field(description="As in http://collector:4318; /v1/traces is added.")
    sample_ratio: float = Field(
        1, ge=0, le=1, description="Share of the requests that are traced where the caller has not decided."
    )


class Monitoring(ApiModel):
    """Objects of prometheus-operator (auto: where its CRDs exist, on: wait for them), a dashboard, and traces."""

    service_monitor: Literal["auto", "on", "off"] = Field("auto", description="Scrapes the metrics port.")
    rules: Literal["auto", "on", "off"] = Field("auto", description="Alerts, as a PrometheusRule.")
    dashboard: bool = Field(False, description="Whether to make a ConfigMap that Grafana's sidecar picks up.")
    labels: StringMap = Field(
        default_factory=dict, description="Of ServiceMonitor and PrometheusRule, for Prometheus to select them by."
    )
    tracing: Tracing | None = None


class NetworkPolicy(ApiModel):
    """Who may talk to whom."""

    enabled: bool = Field(True, description="false: as if the section were not there.")
    ingress_from: tuple[FreeForm, ...] = Field(
        (), max_length=16, description="Peers that may call the router, as in a NetworkPolicy; none: all."
    )
    egress: tuple[FreeForm, ...] = Field(
        (),
        max_length=16,
        description="Egress rules of the router beside DNS, Milvus, the providers and the embedding endpoint.",
    )
    prometheus_namespace: DnsName | None = Field(
        None, description="Who may scrape; None: pods labelled app.kubernetes.io/name=prometheus in any namespace."
    )
    restrict_milvus: bool = Field(
        True,
        description="Whether an external Milvus in this namespace is closed to all but the router, its own components "
        "and Prometheus. One that milvus-operator runs for this resource always is.",
    )
