"""`status.placement` and `status.migration`: what pods run, and how they get to something else."""

from typing import Annotated, Literal

from pydantic import Field

from semantic_router_operator.api.base import ApiModel, FreeForm

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class ManagedStatus(ApiModel):
    """The managed Milvus: the one that is used, else the last one."""

    name: str = Field("", description="Of the Milvus resource; none: that of this resource.")
    mode: Literal["standalone", "cluster"] = Field(description="In which it was made.")


class PlacementStatus(ApiModel):
    """Where answers are kept: the sections that were in force when the resource asked for others."""

    backend: Literal["memory", "milvus", "hybrid"]
    milvus: FreeForm | None = Field(None, description="As in spec.milvus.")
    embedding: FreeForm | None = Field(None, description="As in spec.cache.embedding.")
    managed_milvus: ManagedStatus | None = Field(
        None, description="None: there is none, or it has this resource's name and the mode said in milvus."
    )


class PassedStep(ApiModel):
    """A step that is over."""

    step: str
    since: Time = Field(description="When it began.")
    message: str = Field("", description="What came of it.")


class MigrationStatus(ApiModel):
    """The migration that is under way, or the last one. It is carried on from here after a restart of the operator."""

    id: str = Field(description="Part of the names of its Jobs.")
    cause: str = Field("", description="Names what it depends on; one that failed is begun anew when that changes.")
    from_: PlacementStatus = Field(alias="from", description="What is gone back to.")
    to: PlacementStatus = Field(description="What was asked for.")
    started_at: Time = Field(description="When it began.")
    step: str = Field("", description="The current step; none after the end.")
    since: Time = Field(description="When the step, or the end, came.")
    attempt: int = Field(1, description="Of the step.")
    next: str = Field("", description="The step or the outcome that follows.")
    retry_at: Time | None = Field(None, description="When the next attempt is made.")
    deadline: Time | None = Field(None, description="When it is given up, or rolled back.")
    outcome: str = Field("", description="Completed, RolledBack, Failed, Cancelled or Unvalidated.")
    message: str = Field("", description="What the step waits for, or what came of the last one.")
    note: str = Field("", description="What is not taken along, and why.")
    why: str = Field("", description="What made it go back.")
    requests_before: int = Field(0, description="Requests that the pods had answered before the switch.")
    failures_before: int = Field(0, description="Those among them that failed.")
    passed: tuple[PassedStep, ...] = Field((), description="The steps that are over.")
