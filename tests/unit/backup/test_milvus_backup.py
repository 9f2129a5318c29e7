"""What milvus-backup is given, and what its end means."""

import pytest
import yaml

from semantic_router_operator.backup import milvus_backup
from semantic_router_operator.backup.catalogue import StoredObject
from semantic_router_operator.backup.config import BackupConfig, BackupConfigError, config_text, parse_config
from semantic_router_operator.backup.failure import BackupError

CONFIG = {
    "router": {"namespace": "shop", "name": "router"},
    "engine": "milvus-backup",
    "storage": {"endpoint": "https://s3.example.com", "bucket": "backups"},
    "milvus": {"address": "router-milvus.shop.svc:19530"},
    "milvus_storage": {"endpoint": "http://router-minio:9000", "bucket": "router"},
}


def config(**changes: object) -> BackupConfig:
    return BackupConfig.model_validate({**CONFIG, **changes})


def test_its_file_says_where_everything_is_and_holds_no_secret() -> None:
    told = yaml.safe_load(milvus_backup.config_text(config(), "/work/x"))
    assert told["log"]["file"]["filename"] == "/work/x/logs/backup.log"
    assert told["milvus"] == {
        "address": "router-milvus.shop.svc", "port": 19530, "tlsMode": 0, "caCertPath": "", "serverName": "",
        "mtlsCertPath": "", "mtlsKeyPath": "",
    }  # fmt: skip
    assert told["minio"] == {
        "storageType": "minio", "address": "router-minio", "port": 9000, "useSSL": False, "bucketName": "router",
        "rootPath": "files", "backupStorageType": "minio", "backupAddress": "s3.example.com", "backupPort": 443,
        "backupRegion": "us-east-1", "backupUseSSL": True, "backupBucketName": "backups",
        "backupRootPath": "shop/router", "crossStorage": "true",
    }  # fmt: skip
    assert "backupRootPath" in milvus_backup.config_text(config(), "/work")


def test_one_store_copies_by_itself_and_tls_modes_follow_the_files() -> None:
    same = {"endpoint": "http://router-minio:9000", "bucket": "backups", "prefix": "/deep/down/"}
    tls = {"address": "m:1", "tls": True, "ca_file": "/tls/ca.crt", "server_name": "milvus"}
    one_way = yaml.safe_load(milvus_backup.config_text(config(storage=same, milvus=tls), "/w"))
    assert one_way["minio"]["crossStorage"] == "false"
    assert one_way["minio"]["backupRootPath"] == "deep/down"
    assert (one_way["milvus"]["tlsMode"], one_way["milvus"]["serverName"]) == (1, "milvus")
    mutual = tls | {"cert_file": "/tls/client.crt", "key_file": "/tls/client.key"}
    assert yaml.safe_load(milvus_backup.config_text(config(milvus=mutual), "/w"))["milvus"]["tlsMode"] == 2


def test_its_environment_holds_the_secrets_and_nothing_of_the_pods() -> None:
    given = {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "MILVUS_STORAGE_ACCESS_KEY_ID": "c",
        "MILVUS_STORAGE_SECRET_ACCESS_KEY": "d", "MILVUS_USERNAME": "u", "MILVUS_PASSWORD": "p",
        "MILVUS_PORT": "tcp://10.0.0.1:19530", "MINIO_PORT": "tcp://10.0.0.2:9000", "PATH": "/bin",
    }  # fmt: skip
    assert milvus_backup.environment(config(), given) == {
        "MINIO_BACKUP_ACCESS_KEY": "a", "MINIO_BACKUP_SECRET_KEY": "b", "MINIO_ACCESS_KEY": "c",
        "MINIO_SECRET_KEY": "d", "MILVUS_USER": "u", "MILVUS_PASSWORD": "p", "PATH": "/bin",
    }  # fmt: skip
    trusted = config(storage={**CONFIG["storage"], "ca_file": "/ca/ca.crt"})  # type: ignore[dict-item]
    assert milvus_backup.environment(trusted, given)["SSL_CERT_FILE"] == "/ca/ca.crt"


@pytest.mark.parametrize(
    ("output", "reason", "says"),
    [
        ("Error: backup already exist with the name: x", "BackupNameBlocked", "backup name is taken"),
        ("Error: restore: no binlog to import", "WrongMilvusStorage", "root path"),
        ("Error: SignatureDoesNotMatch", "MilvusStorageRefused", "credentials"),
        ("Error: Access Denied.", "AccessDenied", "denies"),
        ("Error: The specified bucket does not exist", "BucketMissing", "bucket"),
        ("Error: dial tcp: lookup milvus: no such host", "MilvusFailing", "cannot be reached"),
        ("nothing known", "MilvusBackupFailed", "exit code 1"),
        ("", "MilvusBackupFailed", "It said: nothing."),
    ],
)
def test_its_failures_are_told_apart(output: str, reason: str, says: str) -> None:
    found = milvus_backup.failure("create", 1, output, [])
    assert found.reason == reason
    assert says in found.message


def test_a_panic_a_signal_and_a_secret() -> None:
    panic = milvus_backup.failure("create", 2, "panic: runtime error\n\ngoroutine 1 [running]:\n", [])
    assert panic.reason == "MilvusBackupPanicked"
    assert "signal 9" in milvus_backup.failure("restore", -9, "", []).message
    assert "hunter2" not in milvus_backup.failure("create", 1, "Error: key hunter2 is wrong", ["", "hunter2"]).message


def test_a_success_without_data_is_an_empty_backup() -> None:
    meta = StoredObject(key="meta/backup_meta.json", bytes=9, sha256="0" * 64)
    data = StoredObject(key="binlogs/insert_log/1/2/3/100/4", bytes=9, sha256="0" * 64)
    milvus_backup.check_objects("x", 5, [meta, data])
    with pytest.raises(BackupError, match=r"empty backup.*5 rows") as empty:
        milvus_backup.check_objects("x", 5, [meta, data.model_copy(update={"bytes": 0})])
    assert empty.value.reason == "BackupEmpty"
    with pytest.raises(BackupError, match="has no description"):
        milvus_backup.check_objects("x", 5, [data])


def test_the_configuration_comes_back_and_wrong_ones_name_the_key() -> None:
    assert parse_config(config_text(config())) == config()
    assert config().prefix == "shop/router"
    for text, says in (
        ("[", "not YAML"),
        ("1", "file: "),
        ("engine: tape", "engine: "),
        (config_text(config()).replace("milvus_storage:", "milvus_store:"), "milvus_store: "),
        (yaml.safe_dump({**CONFIG, "milvus": None}), "needs milvus and milvus_storage"),
        (yaml.safe_dump({**CONFIG, "storage": {**CONFIG["storage"], "insecure": True}}), "ca_file"),  # type: ignore[dict-item]
        (yaml.safe_dump({**CONFIG, "storage": {"endpoint": "minio:9000", "bucket": "backups"}}), "storage.endpoint"),
    ):
        with pytest.raises(BackupConfigError, match=says):
            parse_config(text)
