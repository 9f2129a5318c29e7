"""`status`: what the operator saw."""

from typing import Annotated, Literal

from pydantic import Field

from semantic_router_operator.api.backup_status import BackupsStatus
from semantic_router_operator.api.base import ApiModel
from semantic_router_operator.api.migration import MigrationStatus, PlacementStatus
from semantic_router_operator.api.restore import RestoreProgress


class Condition(ApiModel):
    """As in Kubernetes' own API; `reason` is one CamelCase word, `message` a sentence that says what to do."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    observed_generation: int | None = None
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    reason: Annotated[str, Field(max_length=1024)]
    message: Annotated[str, Field(max_length=32_768)] = ""


class RolloutStatus(ApiModel):
    """A rollout that failed, and what serves instead."""

    failed_revision: str = Field(description="Name of the state that failed; a change of the spec makes another one.")
    failed_generation: int = Field(description="Generation of the resource that failed.")
    served_generation: int = Field(description="Generation of the resource that is in force.")
    reason: str = Field(description="Why it failed, in one word.")
    message: str = Field(description="Why it failed, in the pods' own words.")


class MilvusStatus(ApiModel):
    """What Milvus was seen to hold the last time that it let the operator in."""

    version: str
    collection: str | None = Field(
        None, description="The real one, which spec.milvus.collection.name may be an alias of."
    )
    index_type: str | None = Field(None, description="Of its vectors; empty: they have no index.")
    metric_type: str | None = None
    loaded: bool | None = None
    rows: int | None = Field(None, description="From 10,000 on, cut to the first digit.")


class LookupsStatus(ApiModel):
    """The cache's lookups in all pods under one configuration."""

    config_epoch: str
    policy_epoch: str
    hits: int
    misses: int


class Status(ApiModel):
    """What is the case, as far as the operator can tell."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = Field((), json_schema_extra={"x-map-key": "type"})
    endpoint: str | None = Field(None, description="Where clients inside the cluster reach the router.")
    backend: str | None = Field(None, description="The cache's backend in force.")
    config_epoch: str | None = Field(None, description="Name of the configuration in force.")
    milvus: MilvusStatus | None = Field(None, description="What was seen in Milvus.")
    lookups: LookupsStatus | None = Field(
        None, description="Lookups until the configuration was changed the last time."
    )
    placement: PlacementStatus | None = Field(None, description="Where the pods' answers are kept.")
    migration: MigrationStatus | None = Field(None, description="The one under way, or the last one.")
    backup: BackupsStatus | None = Field(None, description="What has come of spec.backup.")
    restore: RestoreProgress | None = Field(None, description="The restore under way, or the last one.")
    replicas: int | None = None
    ready_replicas: int | None = None
    rollout: RolloutStatus | None = Field(None, description="There while an earlier state is in force.")
    retained: tuple[str, ...] = Field((), description="What stays when the resource is deleted.")
    selector: str | None = Field(None, description="Of the router's pods, for the scale subresource.")
