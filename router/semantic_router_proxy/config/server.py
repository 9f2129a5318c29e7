"""Listening addresses, limits and the router's own metrics."""

from pydantic import Field

from semantic_router_proxy.config.section import Section
from semantic_router_proxy.config.urls import HttpUrl


class ServerConfig(Section):
    host: str = "127.0.0.1"
    port: int = Field(8801, ge=0, le=65535, description="0: any free port.")
    max_body_bytes: int = Field(20 * 1024 * 1024, ge=1024, description="A larger request is refused with 413.")
    max_body_depth: int = Field(128, ge=8, le=250, description="A more deeply nested JSON body is refused with 400.")
    max_header_bytes: int = Field(
        64 * 1024, ge=1024, description="A request line with headers larger than this is refused with 431."
    )
    receive_timeout_seconds: float = Field(
        60.0, gt=0, description="How long a request's head, and then its body, may take to arrive (408)."
    )
    request_timeout_seconds: float = Field(600.0, gt=0, description="How long an answer may take (504).")
    drain_delay_seconds: float = Field(
        0.0, ge=0, description="How long new requests are still taken after SIGTERM, while /readyz says draining."
    )
    drain_seconds: float = Field(25.0, ge=0, description="How long running answers may finish after SIGTERM.")


class AdminConfig(Section):
    """Health, statistics and the dashboard. Without a token only reading is possible."""

    enabled: bool = True
    host: str | None = Field(None, description="None: server.host.")
    port: int = Field(8080, ge=0, le=65535)
    token_env: str | None = None
    token_file: str | None = None


class MetricsConfig(Section):
    enabled: bool = True
    host: str | None = Field(None, description="None: server.host.")
    port: int = Field(9190, ge=0, le=65535)


class LogConfig(Section):
    level: str = Field("info", pattern="^(debug|info|warning|error)$")
    format: str = Field("json", pattern="^(json|console)$")
    requests: bool = Field(True, description="One line a request.")


class TracingConfig(Section):
    """Spans for an OpenTelemetry collector, by OTLP over HTTP. OTEL_EXPORTER_OTLP_HEADERS adds headers, e.g. a key."""

    endpoint: HttpUrl | None = Field(None, description="As in http://collector:4318; /v1/traces is added. None: off.")
    sample_ratio: float = Field(
        1.0, ge=0.0, le=1.0, description="Share of the requests that are traced where the caller has not decided."
    )
    service_name: str = Field("semantic-router", min_length=1)
