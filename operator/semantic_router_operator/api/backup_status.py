"""`status.backup`: what has come of the backups."""

from pydantic import Field

from semantic_router_operator.api.base import ApiModel
from semantic_router_operator.api.migration import Time


class SeenRun(ApiModel):
    """The Job whose end was counted last; those before it are not counted again."""

    job: str = Field(description="Name of the Job.")
    time: Time = Field(description="When it ended.")


class ReplicationStatus(ApiModel):
    """Whether the bucket keeps old versions of objects and copies them elsewhere, each on, off or unknown."""

    versioning: str = Field(description="Of the bucket.")
    replication: str = Field(description="Of the objects of the backups.")
    message: str = Field("", description="What is missing, and what to do.")


class SnapshotStatus(ApiModel):
    """The newest snapshots of the managed Milvus' volumes."""

    backup: str = Field(description="The backup after which they were cut.")
    time: Time = Field(description="When they were asked for.")
    ready: int = Field(description="Volumes whose snapshot can be used.")
    volumes: int = Field(description="Volumes of the Milvus, which were to be cut.")
    consistency: str = Field(description="Crash: only as consistent as after a crash.")
    message: str = Field("", description="What stands in the way.")


class BackupsStatus(ApiModel):
    """What has come of the backups."""

    engine: str | None = Field(None, description="export or milvus-backup.")
    last_name: str | None = Field(None, description="The newest good backup; what a restore asks for.")
    last_time: Time | None = Field(None, description="When it was complete.")
    last_bytes: int | None = Field(None, description="Its size in the object store.")
    last_rows: int | None = Field(None, description="Entries that it holds.")
    next_time: Time | None = Field(None, description="When the next one begins by itself.")
    failures: int | None = Field(None, description="Backups that have failed since the last good one.")
    last_failure: str | None = Field(None, description="Why the last one failed; there while failures are.")
    last_failure_reason: str | None = Field(None, description="The same in one word.")
    replication: ReplicationStatus | None = Field(None, description="Of the bucket, with replication: verify.")
    last_verified_time: Time | None = Field(None, description="When a backup was last restored on trial.")
    last_verified_rows: int | None = Field(None, description="Entries that the trial compared.")
    verify_failures: int | None = Field(None, description="Trials that have failed since the last good one.")
    last_verify_failure: str | None = Field(None, description="Why the last trial failed.")
    message: str | None = Field(None, description="The newest good backup, in a sentence.")
    snapshots: SnapshotStatus | None = Field(None, description="None: there are none.")
    counted: SeenRun | None = Field(None, description="The last backup that was counted.")
    verified: SeenRun | None = Field(None, description="The last trial that was counted.")
