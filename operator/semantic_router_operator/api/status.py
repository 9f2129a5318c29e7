"""`status`: what the operator saw."""

from typing import Annotated, Literal

from pydantic import Field

from semantic_router_operator.api.base import ApiModel


class Condition(ApiModel):
    """As in Kubernetes' own API; `reason` is one CamelCase word, `message` a sentence that says what to do."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    observed_generation: int | None = None
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    reason: Annotated[str, Field(max_length=1024)]
    message: Annotated[str, Field(max_length=32_768)] = ""


class Status(ApiModel):
    """What is the case, as far as the operator can tell."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = Field((), json_schema_extra={"x-map-key": "type"})
    endpoint: str | None = Field(None, description="Where clients inside the cluster reach the router.")
    backend: str | None = Field(None, description="The cache's backend in force.")
    config_epoch: str | None = Field(None, description="Name of the configuration in force.")
    replicas: int | None = None
    ready_replicas: int | None = None
    selector: str | None = Field(None, description="Of the router's pods, for the scale subresource.")
