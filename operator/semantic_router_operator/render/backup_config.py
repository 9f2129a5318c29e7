"""What a backup's Job is told: the file of the runner, from the resource."""

from semantic_router_operator.api.backup import Backup, S3Storage
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.backup.config import (
    BackupConfig,
    Engine,
    MilvusConnection,
    MilvusStorage,
    RouterName,
    Storage,
    config_text,
)
from semantic_router_operator.render import backup_names, names
from semantic_router_operator.render.milvus_config import MILVUS_PORT, TLS_DIR, milvus_in_use, tls_secret

CONFIG_DIR = "/app/backup"
CONFIG_FILE = f"{CONFIG_DIR}/backup.yaml"
CA_DIR = "/etc/semantic-router/backup-ca"
MINIO_PORT = 9000
ENGINES: tuple[Engine, ...] = ("export", "milvus-backup")
# Between the end of the runner's own patience and the end of the Job, which leaves no word behind.
_MARGIN_SECONDS = 30


def engine_of(resource: SemanticRouter, asked: str | None = None) -> Engine:
    """Return what makes the backups of the resource as it runs."""
    backup = resource.spec.backup
    engine = asked or (backup.engine if backup is not None else "auto")
    if engine == "auto":
        return "milvus-backup" if uses_managed(resource) else "export"
    return "milvus-backup" if engine == "milvus-backup" else "export"


def uses_managed(resource: SemanticRouter) -> bool:
    """Whether its entries are in a Milvus that milvus-operator runs for it."""
    milvus = milvus_in_use(resource)
    return milvus is not None and milvus.managed is not None


def credentials_of_store(resource: SemanticRouter, storage: S3Storage | None = None) -> str:
    """Return the Secret (keys accesskey and secretkey) of the store of the backups."""
    chosen = storage or _backup(resource).s3
    return backup_names.minio_secret(resource) if chosen is None else chosen.credentials_secret_ref.name


def ca_of_store(resource: SemanticRouter, storage: S3Storage | None = None) -> str | None:
    """Return the Secret with the store's authority (key ca.crt), None where the public ones do."""
    chosen = storage or _backup(resource).s3
    return chosen.ca_secret_ref.name if chosen is not None and chosen.ca_secret_ref is not None else None


def backup_config_text(resource: SemanticRouter, storage: S3Storage | None = None, engine: Engine | None = None) -> str:
    """Return the runner's file. `storage` takes the place of the resource's own, `engine` too."""
    return config_text(backup_config(resource, storage, engine))


def backup_config(
    resource: SemanticRouter, storage: S3Storage | None = None, engine: Engine | None = None
) -> BackupConfig:
    """Return what the runner's file says. Credentials come by the environment."""
    backup, milvus = _backup(resource), milvus_in_use(resource)
    managed = uses_managed(resource)
    return BackupConfig(
        router=RouterName(namespace=resource.metadata.namespace, name=resource.metadata.name),
        engine=engine or engine_of(resource),
        collection=milvus.collection.name if milvus is not None else "semantic_cache",
        storage=_storage(resource, storage or backup.s3),
        milvus=_connection(resource) if managed else None,
        milvus_storage=MilvusStorage(endpoint=store_endpoint(resource), bucket=names.milvus(resource))
        if managed
        else None,
        retention=backup.retention,
        timeout_seconds=max(_MARGIN_SECONDS, backup.deadline_seconds - _MARGIN_SECONDS),
        replication=backup.replication,
    )


def store_endpoint(resource: SemanticRouter, storage: S3Storage | None = None) -> str:
    """Return the address of the backups' store; without one of its own, that of the managed Milvus' MinIO."""
    if storage is not None:
        return storage.endpoint
    return f"http://{names.milvus(resource)}-minio.{resource.metadata.namespace}.svc:{MINIO_PORT}"


def _backup(resource: SemanticRouter) -> Backup:
    if resource.spec.backup is None:
        raise ValueError("the resource has no spec.backup")
    return resource.spec.backup


def _storage(resource: SemanticRouter, storage: S3Storage | None) -> Storage:
    endpoint = store_endpoint(resource, storage)
    if storage is None:
        return Storage(endpoint=endpoint, bucket=names.milvus(resource))
    return Storage(
        endpoint=endpoint,
        bucket=storage.bucket,
        prefix=storage.prefix,
        path_style=storage.path_style,
        ca_file=f"{CA_DIR}/ca.crt" if storage.ca_secret_ref is not None else None,
        **({"region": storage.region} if storage.region else {}),
    )


def _connection(resource: SemanticRouter) -> MilvusConnection:
    encrypted = tls_secret(milvus_in_use(resource), resource) is not None
    return MilvusConnection(
        address=f"{names.milvus_host(resource)}:{MILVUS_PORT}",
        tls=encrypted,
        ca_file=f"{TLS_DIR}/ca.crt" if encrypted else None,
    )
