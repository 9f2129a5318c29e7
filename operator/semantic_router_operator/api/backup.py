"""`spec.backup`: regular backups of the cache, snapshots of Milvus' volumes, and trials that a backup restores."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import ApiModel, DnsName, Quantity, SecretRef, rules
from semantic_router_operator.api.router import ResourceList, Resources

Engine = Literal["auto", "export", "milvus-backup"]

# Five fields as Kubernetes' CronJobs read them. What the fields may hold the model checks; the API server checks it
# again where the CronJob is made.
_FIELD = r"[0-9A-Za-z*/,\-]+"
CRON_PATTERN = rf"^({_FIELD}( +{_FIELD}){{4}}|@(hourly|daily|midnight|weekly|monthly|yearly|annually))$"
Cron = Annotated[str, Field(max_length=128, pattern=CRON_PATTERN)]
TimeZone = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*$")]


class S3Storage(ApiModel):
    """A bucket of an S3-compatible object store."""

    endpoint: Annotated[str, Field(max_length=300, pattern=r"^https?://[^/@\s]+$")] = Field(
        description="Of the object store, as in https://s3.eu-central-1.amazonaws.com; without a path."
    )
    bucket: Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.\-]*[a-z0-9]$")] = Field(
        description="Which must exist."
    )
    prefix: Annotated[str, Field(max_length=512, pattern=r"^([A-Za-z0-9_.=\-]+(/[A-Za-z0-9_.=\-]+)*)?$")] = Field(
        "", description="Of the objects' names; empty: NAMESPACE/NAME of the SemanticRouter."
    )
    region: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9\-]*$")] = Field(
        "", description="Empty: us-east-1, which stores without regions take for anything."
    )
    path_style: bool = Field(True, description="Whether the bucket stands in the path; false: before the host.")
    credentials_secret_ref: SecretRef = Field(description="Keys accesskey and secretkey.")
    ca_secret_ref: SecretRef | None = Field(
        None, description="Key ca.crt: who has signed the store's certificate; none: the public authorities."
    )


class Snapshots(ApiModel):
    """VolumeSnapshots of the managed Milvus' volumes, made after each backup that has succeeded. They are as consistent
    as after a crash, and say so."""

    enabled: bool | None = Field(
        None, description="None: as the preset says. Only a managed Milvus has volumes that the operator knows."
    )
    class_name: DnsName | None = Field(
        None, description="The VolumeSnapshotClass; none: the default one of each volume's driver."
    )
    keep: int = Field(2, ge=1, le=100, description="How many of each volume are kept.")


class Backup(ApiModel):
    """Regular backups of the collection."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.verifySchedule) || (has(self.verify) && self.verify == 'weekly')",
                "backup.verifySchedule belongs to verify: weekly",
            ),
        )
    )

    preset: Literal["development", "staging", "production"] | None = Field(
        None, description="Schedule, retention, snapshots and replication of an environment; none: the profile's."
    )
    schedule: Cron = Field("0 2 * * 0", description="In cron's format: minute, hour, day of month, month, weekday.")
    time_zone: TimeZone = Field("Etc/UTC", description="Of the schedules; a name of the time zone database.")
    retention: int = Field(2, ge=1, le=1000, description="How many good backups are kept.")
    engine: Engine = Field(
        "auto",
        description="export: the entries with their vectors, for any backend. milvus-backup: Milvus' own program. "
        "auto: milvus-backup for a managed Milvus, else export.",
    )
    s3: S3Storage | None = Field(None, description="None: the managed Milvus' own object store.")
    image: Annotated[str, Field(max_length=255, pattern=r"^[a-z0-9]([A-Za-z0-9._:/@-]*[A-Za-z0-9])?$")] | None = Field(
        None, description="Where the program milvus-backup is taken from; none: the release this one is made for."
    )
    resources: Resources = Field(
        Resources(
            requests=ResourceList(cpu="100m", memory="256Mi"),
            limits=ResourceList(memory="1Gi"),
        ),
        description="Of each container of the Jobs.",
    )
    work_storage: Quantity = Field("10Gi", description="Most that a Job may write to its node's disk.")
    deadline_seconds: int = Field(3600, ge=60, le=86_400, description="A Job that takes longer is ended.")
    suspend: bool = Field(False, description="Whether no backup begins by itself; those by hand still do.")
    snapshots: Snapshots = Snapshots()
    replication: Literal["verify", "off"] = Field(
        "off", description="Whether each backup looks whether the bucket is versioned and replicated, and says so."
    )
    verify: Literal["never", "weekly"] = Field(
        "never", description="Whether the newest backup is restored on trial, compared and dropped again."
    )
    verify_schedule: Cron | None = Field(None, description="Of verify: weekly; none: Sundays at 04:30.")
