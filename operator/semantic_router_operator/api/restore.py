"""`status.restore`: what is remembered of a restore, whatever becomes of its SemanticCacheRestore meanwhile."""

from pydantic import Field

from semantic_router_operator.api.base import ApiModel, FreeForm
from semantic_router_operator.api.migration import PassedStep, Time


class RestoreProgress(ApiModel):
    """The restore that is under way, or the last one. It is carried on from here after a restart of the operator."""

    id: str = Field(description="Part of the names of its Jobs.")
    uid: str = Field(description="Of the SemanticCacheRestore.")
    name: str = Field(description="Of the SemanticCacheRestore.")
    asked: FreeForm = Field(description="The spec of the SemanticCacheRestore.")
    started_at: Time = Field(description="When it began.")
    step: str = Field("", description="The current step; none after the end.")
    since: Time = Field(description="When the step, or the end, came.")
    attempt: int = Field(1, description="Of the step.")
    next: str = Field("", description="The step or the outcome that follows.")
    retry_at: Time | None = Field(None, description="When the next attempt is made.")
    deadline: Time | None = Field(None, description="When it goes back.")
    outcome: str = Field(
        "", description="Completed, Checked (a dry run), RolledBack, Failed, Cancelled or RollbackFailed."
    )
    message: str = Field("", description="What the step waits for, or what came of the last one.")
    why: str = Field("", description="What made it go back.")
    note: str = Field("", description="What is left behind.")
    backup_name: str = Field("", description="The backup that was chosen.")
    engine: str = Field("", description="What made the backup.")
    saved_rows: int | None = Field(None, description="Entries in the backup.")
    saved_bytes: int | None = Field(None, description="Its size.")
    collection: str = Field(description="The new collection.")
    previous_collection: str = Field("", description="The one behind the alias before.")
    rows: int | None = Field(None, description="Entries in the new collection.")
    left_out: int = Field(0, description="Entries that had expired or did not fit.")
    requests_before: int = Field(0, description="Requests that the pods had answered before they were set aside.")
    failures_before: int = Field(0, description="Those among them that failed.")
    passed: tuple[PassedStep, ...] = Field((), description="The steps that are over.")
