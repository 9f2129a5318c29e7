"""`spec.migration`, `spec.backup`, `spec.monitoring` and `spec.networkPolicy`."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from semantic_router_operator.api.base import ApiModel, DnsName, HttpUrl, SecretRef, StringMap

Labels = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})]


class Validation(ApiModel):
    """When a migration counts as good."""

    window_seconds: int = Field(300, ge=10, le=86_400)
    max_error_ratio: float = Field(0.01, ge=0, le=1)


class Migration(ApiModel):
    """How a change of backend is carried out."""

    strategy: Literal["staged", "immediate"] = "staged"
    warm: bool = Field(True, description="Whether the memory cache's entries are taken along.")
    validation: Validation = Validation()
    rollback: Literal["automatic", "manual"] = "automatic"
    timeout_seconds: int = Field(3600, ge=60, le=86_400)


class S3Storage(ApiModel):
    endpoint: HttpUrl
    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    prefix: Annotated[str, Field(max_length=512)] = ""
    credentials_secret_ref: SecretRef
    path_style: bool = True


class Backup(ApiModel):
    """Regular backups of the collection."""

    preset: Literal["development", "staging", "production"] | None = None
    schedule: Annotated[str, Field(max_length=128)] | None = None
    time_zone: Annotated[str, Field(max_length=64)] = "Etc/UTC"
    retention: int | None = Field(None, ge=1, le=1000, description="How many are kept.")
    s3: S3Storage | None = Field(None, description="None: the managed Milvus' own object store.")
    snapshots: bool = False
    verify: Literal["never", "weekly"] = "never"


class Monitoring(ApiModel):
    """Objects of prometheus-operator; auto makes them where its CRDs exist."""

    service_monitor: Literal["auto", "on", "off"] = "auto"
    rules: Literal["auto", "on", "off"] = "auto"
    dashboard: bool = False
    labels: StringMap = Field(default_factory=dict)


class NetworkPolicy(ApiModel):
    """Who may talk to whom."""

    enabled: bool = True
    ingress_from: tuple[Labels, ...] = Field(
        (), max_length=16, description="Peers that may call the router; none: all."
    )
    prometheus_namespace: DnsName | None = None
