"""The resource `SemanticCacheBackup`: one backup on demand. An ended one is history."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from semantic_router_operator.api.backup import Engine
from semantic_router_operator.api.base import ApiModel, rules
from semantic_router_operator.api.migration import Time
from semantic_router_operator.api.semantic_router import Metadata
from semantic_router_operator.api.status import Condition

KIND = "SemanticCacheBackup"
IMMUTABLE = rules(("self == oldSelf", "the spec of one that exists cannot be changed: make another one"))


class RouterRef(ApiModel):
    """A SemanticRouter of the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")] = Field(
        description="Of the SemanticRouter."
    )


class BackupSpec(ApiModel):
    """What is wanted."""

    model_config = ConfigDict(json_schema_extra=IMMUTABLE)

    router_ref: RouterRef = Field(description="Whose cache is saved, to the store of its spec.backup.")
    engine: Engine | None = Field(None, description="None: that of the SemanticRouter's spec.backup.")


class BackupStatus(ApiModel):
    """What came of it."""

    phase: Literal["Pending", "Running", "Succeeded", "Failed"] | None = Field(
        None, description="Pending: something stands in the way, and the message says what."
    )
    backup_name: str | None = Field(None, description="In the object store; what a restore asks for.")
    engine: str | None = Field(None, description="What made it: export or milvus-backup.")
    job: str | None = Field(None, description="Name of the Job that does it.")
    started_at: Time | None = Field(None, description="When the Job was made.")
    completed_at: Time | None = Field(None, description="When it ended.")
    bytes: int | None = Field(None, description="Size in the object store.")
    rows: int | None = Field(None, description="Entries that it holds.")
    message: str = Field("", description="What is the case, and what to do about it.")
    conditions: tuple[Condition, ...] = Field(
        (), json_schema_extra={"x-map-key": "type"}, description="Complete: True, False with the reason, or Unknown."
    )


class SemanticCacheBackup(BaseModel):
    """One backup on demand."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    api_version: str = Field("semanticrouter.dev/v1alpha1", alias="apiVersion")
    kind: Literal["SemanticCacheBackup"] = "SemanticCacheBackup"
    metadata: Metadata
    spec: BackupSpec
    status: dict[str, Any] = Field(default_factory=dict)
