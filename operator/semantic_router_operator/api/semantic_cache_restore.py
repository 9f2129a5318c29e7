"""The resource `SemanticCacheRestore`: a backup brought back into a router's cache. An ended one is history."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from semantic_router_operator.api.backup import S3Storage
from semantic_router_operator.api.base import ApiModel, rules
from semantic_router_operator.api.lifecycle import Validation
from semantic_router_operator.api.migration import PassedStep, Time
from semantic_router_operator.api.semantic_cache_backup import IMMUTABLE, RouterRef
from semantic_router_operator.api.semantic_router import Metadata
from semantic_router_operator.api.status import Condition

KIND = "SemanticCacheRestore"
Rfc3339 = Annotated[str, Field(max_length=35, pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$")]


class BackupChoice(ApiModel):
    """Which backup: one by its name, the newest, or the newest before a time."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.name) ? 1 : 0) + (has(self.latest) && self.latest ? 1 : 0) + (has(self.before) ? 1 : 0) "
                "== 1",
                "set exactly one of name, latest: true and before",
            ),
        )
    )

    @model_validator(mode="after")
    def _one_choice(self) -> "BackupChoice":
        if (self.name is not None) + self.latest + (self.before is not None) != 1:
            raise ValueError("set exactly one of name, latest: true and before")
        return self

    name: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="As `kubectl semantic-router backup list` shows it."
    )
    latest: bool = Field(False, description="Whether it is the newest good one.")
    before: Rfc3339 | None = Field(
        None, description="The newest good one that was complete before this time, as in 2026-11-21T02:00:00Z."
    )


class RestoreSpec(ApiModel):
    """What is wanted."""

    model_config = ConfigDict(json_schema_extra=IMMUTABLE)

    router_ref: RouterRef = Field(description="Whose cache is filled.")
    backup: BackupChoice = Field(description="What it is filled with.")
    storage: S3Storage | None = Field(
        None,
        description="Where the backup is, for one of another namespace or cluster; none: the store of the "
        "SemanticRouter's spec.backup.",
    )
    serving: Literal["memory", "stopped"] = Field(
        "memory", description="What the router does meanwhile: answer with a cache in memory only, or have no pods."
    )
    dry_run: bool = Field(False, description="Whether it ends once the backup is checked, and says what it would do.")
    timeout_seconds: int = Field(3600, ge=60, le=86_400, description="For all of it.")
    validation: Validation = Field(Validation(), description="When the restored cache counts as good.")


class RestoreStatus(ApiModel):
    """How far it is, or what came of it. It is carried on from here after a restart of the operator."""

    phase: Literal["Pending", "Running", "Succeeded", "Failed"] | None = Field(
        None, description="Pending: something stands in the way, and the message says what."
    )
    step: str = Field("", description="The current step; none after the end.")
    since: Time | None = Field(None, description="When the step, or the end, came.")
    attempt: int | None = Field(None, description="Of the step.")
    retry_at: Time | None = Field(None, description="When the next attempt is made.")
    deadline: Time | None = Field(None, description="When it goes back.")
    started_at: Time | None = Field(None, description="When it began.")
    completed_at: Time | None = Field(None, description="When it ended.")
    outcome: str = Field("", description="Empty until it has ended.")
    backup_name: str | None = Field(None, description="The backup that was chosen.")
    collection: str | None = Field(None, description="The collection that it is restored into.")
    previous_collection: str | None = Field(None, description="The one that served before.")
    rows: int | None = Field(None, description="Entries that were restored.")
    message: str = Field("", description="What is the case, and what to do about it.")
    why: str = Field("", description="What made it go back.")
    passed: tuple[PassedStep, ...] = Field((), description="The steps that are over.")
    conditions: tuple[Condition, ...] = Field(
        (), json_schema_extra={"x-map-key": "type"}, description="Complete: True, False with the reason, or Unknown."
    )


class SemanticCacheRestore(BaseModel):
    """One restore."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    api_version: str = Field("semanticrouter.dev/v1alpha1", alias="apiVersion")
    kind: Literal["SemanticCacheRestore"] = "SemanticCacheRestore"
    metadata: Metadata
    spec: RestoreSpec
    status: dict[str, Any] = Field(default_factory=dict)
