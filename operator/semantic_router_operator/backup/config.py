"""The configuration of the backups' Jobs: plain data in a ConfigMap, written by render/ and read by runner/.

It holds no Secret; those come by the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for the backups' store,
MILVUS_USERNAME and MILVUS_PASSWORD for Milvus, MILVUS_STORAGE_ACCESS_KEY_ID and MILVUS_STORAGE_SECRET_ACCESS_KEY for
the object store of Milvus itself.
"""

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Engine = Literal["export", "milvus-backup"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class RouterName(_Section):
    namespace: str
    name: str


class Storage(_Section):
    """Where the backups go. Milvus' own store is known by `root_path`, not by `prefix`."""

    endpoint: str = Field(pattern=r"^https?://[^/\s]+/?$", description="As in http://minio:9000.")
    bucket: str = Field(min_length=3, max_length=63)
    prefix: str = Field("", description="Of the objects' names; empty: <namespace>/<name> of the router.")
    region: str = "us-east-1"
    path_style: bool = True
    ca_file: str | None = Field(None, description="Authorities' certificates (PEM); None: those of the image.")
    insecure: bool = Field(False, description="Whether a certificate that cannot be verified is accepted.")


class MilvusStorage(_Section):
    """The object store in which Milvus itself keeps its data."""

    endpoint: str = Field(pattern=r"^https?://[^/\s]+/?$")
    bucket: str = Field(min_length=3, max_length=63)
    root_path: str = "files"
    path_style: bool = True


class MilvusConnection(_Section):
    address: str = Field(pattern=r"^\S+:\d+$", description="HOST:PORT.")
    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = Field(None, description="With `key_file`, for mutual TLS.")
    key_file: str | None = None
    server_name: str = Field("", description="Name in the server's certificate, where it is not the host's.")

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


class BackupConfig(_Section):
    router: RouterName
    engine: Engine
    collection: str = Field("semantic_cache", description="The alias that the routers use.")
    database: str = "default"
    storage: Storage
    milvus: MilvusConnection | None = Field(None, description="Only for milvus-backup.")
    milvus_storage: MilvusStorage | None = Field(None, description="Only for milvus-backup.")
    retention: int = Field(7, ge=1, description="How many good backups are kept.")
    work_dir: str = "/work"
    executable: str = "/work/bin/milvus-backup"
    timeout_seconds: int = Field(3600, ge=1, description="For one verb, and for milvus-backup within it.")
    replication: Literal["verify", "off"] = "off"

    @model_validator(mode="after")
    def _engine_has_what_it_needs(self) -> "BackupConfig":
        if self.engine == "milvus-backup" and (self.milvus is None or self.milvus_storage is None):
            raise ValueError("engine milvus-backup needs milvus and milvus_storage")
        if self.engine == "milvus-backup" and self.storage.insecure:
            raise ValueError("milvus-backup accepts no certificate that cannot be verified: give storage.ca_file")
        return self

    @property
    def prefix(self) -> str:
        """The common start of all objects' names, without a slash at its ends."""
        return self.storage.prefix.strip("/") or f"{self.router.namespace}/{self.router.name}"


class BackupConfigError(Exception):
    """The file cannot be read as a BackupConfig; the message says which key."""


def parse_config(text: str) -> BackupConfig:
    """Raises BackupConfigError."""
    try:
        found: Any = yaml.safe_load(text)
        return BackupConfig.model_validate(found)
    except yaml.YAMLError as error:
        raise BackupConfigError(f"it is not YAML: {error}") from None
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors())
        raise BackupConfigError("; ".join(problems)) from None


def config_text(config: BackupConfig) -> str:
    """Return the file; what is as by default is left out."""
    data = config.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
