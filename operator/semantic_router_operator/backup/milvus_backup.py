"""How milvus-backup 0.5 is driven: its configuration, its arguments, and what its end means. Pure.

https://github.com/zilliztech/milvus-backup/blob/main/configs/backup.yaml
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import yaml

from semantic_router_operator.backup.catalogue import StoredObject
from semantic_router_operator.backup.config import BackupConfig, MilvusStorage, Storage
from semantic_router_operator.backup.failure import BackupError, Reason

# Where it puts things below a backup's folder.
META = "meta/"
INSERT_LOGS = "binlogs/insert_log/"
_LONGEST_WORDS = 300
_PANIC = 2

# What it and the stores behind it say, and what that means; the first that fits counts.
_MEANINGS: tuple[tuple[str, Reason, str], ...] = (
    (
        r"already exist",
        "BackupNameBlocked",
        "The backup name is taken by an aborted backup; a run without --name takes a free one.",
    ),
    (
        r"no binlog to import|no insert binlogs?",
        "WrongMilvusStorage",
        "There is no binlog at Milvus' own bucket and root path: they are not those of this Milvus.",
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|Access Key Id you provided does not exist|signature we calculated",
        "MilvusStorageRefused",
        "An object store refuses the credentials, either Milvus' own or that of the backups.",
    ),
    (r"Access ?Denied", "AccessDenied", "An object store denies a right to the credentials."),
    (
        r"NoSuchBucket|bucket .{0,80}(does not|doesn't|not) exist|specified bucket does not exist",
        "BucketMissing",
        "A bucket is missing, either Milvus' own or that of the backups.",
    ),
    (r"XMinioStorageFull|QuotaExceeded|no space left", "QuotaExceeded", "An object store is full."),
    (
        r"collection not found|can't find collection|collection .{0,80}not exist",
        "CollectionMissing",
        "Milvus has no such collection any more.",
    ),
    (
        r"no such host|connection refused|i/o timeout|context deadline exceeded|Unavailable",
        "MilvusFailing",
        "Milvus or an object store cannot be reached.",
    ),
)


def config_text(config: BackupConfig, folder: str) -> str:
    """Return its configuration, without a secret: those go by its environment. `folder` is one where it may write."""
    milvus, own = config.milvus, config.milvus_storage
    assert milvus is not None  # noqa: S101 - a BackupConfig of this engine has both
    assert own is not None  # noqa: S101
    mutual = milvus.cert_file is not None
    data = {
        "log": {"level": "info", "console": True, "file": {"filename": f"{folder}/logs/backup.log"}},
        "milvus": {
            "address": milvus.host,
            "port": milvus.port,
            "tlsMode": 0 if not milvus.tls else 2 if mutual else 1,
            "caCertPath": milvus.ca_file or "",
            "serverName": milvus.server_name,
            "mtlsCertPath": milvus.cert_file or "",
            "mtlsKeyPath": milvus.key_file or "",
        },
        "minio": {
            **_own_storage(own),
            **_backup_storage(config.storage, config.prefix),
            # Server-side copies work within one store only.
            "crossStorage": str(_place(own.endpoint) != _place(config.storage.endpoint)).lower(),
        },
        "backup": {
            # Asking Milvus to spare old files needs its management port, which is closed. It keeps them for three
            # hours anyway (dataCoord.gc.dropTolerance).
            "gcPause": {"enable": False},
            "parallelism": {"copydata": 16, "backupCollection": 1, "restoreCollection": 1},
        },
    }
    return yaml.safe_dump(data, sort_keys=False)


def environment(config: BackupConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Return its whole environment: the secrets, and nothing else that it would take for a setting (a Service named
    milvus or minio sets MILVUS_PORT and MINIO_PORT in every pod)."""
    variables = {
        "MILVUS_USER": given.get("MILVUS_USERNAME", ""),
        "MILVUS_PASSWORD": given.get("MILVUS_PASSWORD", ""),
        "MINIO_ACCESS_KEY": given.get("MILVUS_STORAGE_ACCESS_KEY_ID", ""),
        "MINIO_SECRET_KEY": given.get("MILVUS_STORAGE_SECRET_ACCESS_KEY", ""),
        "MINIO_BACKUP_ACCESS_KEY": given.get("AWS_ACCESS_KEY_ID", ""),
        "MINIO_BACKUP_SECRET_KEY": given.get("AWS_SECRET_ACCESS_KEY", ""),
        "PATH": given.get("PATH", "/usr/bin:/bin"),
    }
    if config.storage.ca_file is not None:
        # Where programs in Go look for the authorities that they trust.
        variables["SSL_CERT_FILE"] = config.storage.ca_file
    return {key: value for key, value in variables.items() if value}


def create_arguments(name: str, database: str, collection: str) -> list[str]:
    """`collection` is a real one: an alias is none to milvus-backup."""
    return ["create", "--name", name, "--colls", f"{database}.{collection}"]


def restore_arguments(name: str, database: str, collection: str, to_database: str, to_collection: str) -> list[str]:
    rename = f"{database}.{collection}:{to_database}.{to_collection}"
    return ["restore", "--name", name, "--rename", rename, "--rebuild_index"]


def failure(verb: str, code: int, output: str, secrets: Sequence[str]) -> BackupError:
    """Return what an exit code other than 0 means; a negative one is a signal's number."""
    words = _last_words(output, secrets)
    for pattern, reason, meaning in _MEANINGS:
        if re.search(pattern, output, re.IGNORECASE):
            text = f"milvus-backup {verb} failed. {meaning} It said: {words}"
            return BackupError(reason, text, passing=reason == "MilvusFailing")
    if code == _PANIC:
        return BackupError("MilvusBackupPanicked", f"milvus-backup {verb} broke down (exit code 2). It said: {words}")
    how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    return BackupError("MilvusBackupFailed", f"milvus-backup {verb} {how}. It said: {words}")


def check_objects(name: str, rows: int, objects: Sequence[StoredObject]) -> None:
    """Look whether what milvus-backup calls a success is one. Raises BackupError."""
    if not any(each.key.startswith(META) for each in objects):
        text = f"milvus-backup reports success, but {name} has no description ({META}) in the bucket of the backups."
        raise BackupError("MilvusBackupFailed", text)
    if rows and not any(each.key.startswith(INSERT_LOGS) and each.bytes for each in objects):
        text = (
            f"The backup {name} is an empty backup: milvus-backup reports success and saved no data of {rows} rows. "
            "Bucket or root path of Milvus' own storage (milvus_storage) are not those of this Milvus."
        )
        raise BackupError("BackupEmpty", text)


def _own_storage(own: MilvusStorage) -> dict[str, Any]:
    scheme, host, port = _place(own.endpoint)
    return {
        "storageType": _kind(own.path_style),
        "address": host,
        "port": port,
        "useSSL": scheme == "https",
        "bucketName": own.bucket,
        "rootPath": own.root_path,
    }


def _backup_storage(storage: Storage, prefix: str) -> dict[str, Any]:
    scheme, host, port = _place(storage.endpoint)
    return {
        "backupStorageType": _kind(storage.path_style),
        "backupAddress": host,
        "backupPort": port,
        "backupRegion": storage.region,
        "backupUseSSL": scheme == "https",
        "backupBucketName": storage.bucket,
        # Without it the backups would lie among Milvus' own data.
        "backupRootPath": prefix,
    }


def _kind(path_style: bool) -> str:
    return "minio" if path_style else "aws"


def _place(endpoint: str) -> tuple[str, str, int]:
    parts = urlsplit(endpoint)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _last_words(output: str, secrets: Sequence[str]) -> str:
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    told = next((line for line in reversed(lines) if line.startswith("Error:")), lines[-1] if lines else "nothing")
    for secret in secrets:
        if secret:
            told = told.replace(secret, "***")
    return told[:_LONGEST_WORDS].rstrip(".") + "."
