"""`milvus-backup --config FILE create|restore …`, as far as the backups' runner uses it."""

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import yaml
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

_INDEX = ("field_name", "index_type", "metric_type", "M", "efConstruction", "nlist")


def main() -> None:
    parser = argparse.ArgumentParser(prog="milvus-backup")
    parser.add_argument("--config", required=True)
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = verbs.add_parser("create")
    create.add_argument("--name", "-n", required=True)
    create.add_argument("--colls", "-c", required=True)
    restore = verbs.add_parser("restore")
    restore.add_argument("--name", "-n", required=True)
    restore.add_argument("--rename", "-r", required=True)
    restore.add_argument("--rebuild_index", action="store_true")
    options = parser.parse_args()
    settings = yaml.safe_load(Path(options.config).read_text(encoding="utf-8"))
    try:
        log = Path(settings["log"]["file"]["filename"])
        log.open("a", encoding="utf-8").close()
    except OSError as error:
        _panic(f"open {error.filename}: {error.strerror}")
    fault = _fault()
    if fault == "panic":
        _panic("runtime error: invalid memory address or nil pointer dereference")
    if fault == "hang":
        time.sleep(3600)
    try:
        if options.verb == "create":
            Run(settings, options.name).create(options.colls, fault)
        else:
            Run(settings, options.name).restore(options.rename, rebuild=options.rebuild_index)
    except ClientError as error:
        _fail(f"create backup storage: {error.response['Error']['Code']}")
    except MilvusException as error:
        _fail(str(error.message))
    print(f"{options.verb} backup success\nduration:1.00 s")


class Run:
    """One verb on one backup."""

    def __init__(self, settings: dict[str, Any], name: str) -> None:
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
            _fail(f"invalid backup name {name}")
        minio, milvus = settings["minio"], settings["milvus"]
        keys = os.environ.get("MINIO_ACCESS_KEY", "minioadmin"), os.environ.get("MINIO_SECRET_KEY", "minioadmin")
        backup_keys = (
            os.environ.get("MINIO_BACKUP_ACCESS_KEY", keys[0]),
            os.environ.get("MINIO_BACKUP_SECRET_KEY", keys[1]),
        )
        self._own = _client(minio["address"], minio["port"], minio["useSSL"], keys)
        self._own_bucket, self._own_root = minio["bucketName"], minio["rootPath"]
        self._s3 = _client(minio["backupAddress"], minio["backupPort"], minio["backupUseSSL"], backup_keys)
        self._bucket = minio["backupBucketName"]
        self._start = f"{minio.get('backupRootPath') or minio['rootPath']}/{name}/"
        self._name = name
        self._milvus = f"http://{milvus['address']}:{milvus['port']}"
        self._login = f"{os.environ.get('MILVUS_USER', '')}:{os.environ.get('MILVUS_PASSWORD', '')}"

    def create(self, collection: str, fault: str) -> None:
        if self._listed(self._s3, self._bucket, self._start):
            _fail(f"create: backup already exist with the name: {self._name}")
        database, _, name = collection.partition(".")
        client = self._connected(database)
        described = client.describe_collection(name)
        if described["collection_name"] != name:
            _fail(f"create: can't find collection {name}")
        index = client.describe_index(name, client.list_indexes(name, field_name=_vector_field(described))[0])
        client.flush(name)
        rows = _rows(client, name)
        # With another bucket or root path than Milvus' own it finds no files, and does not mind.
        there = bool(self._listed(self._own, self._own_bucket, f"{self._own_root}/"))
        if there and rows:
            self._put(f"binlogs/insert_log/1/2/{len(rows)}/100/1", "\n".join(map(json.dumps, rows)))
        if fault == "abort":
            os._exit(137)
        if fault == "silent":
            return
        meta = {
            "name": self._name, "state_code": 2, "milvus_version": client.get_server_version(),
            "collection_backups": [
                {"db_name": database, "collection_name": name, "fields": _fields(described),
                 "consistency_level": described["consistency_level"],
                 "index": {key: index[key] for key in _INDEX if key in index}}
            ],
        }  # fmt: skip
        for each in ("collection_meta", "partition_meta", "segment_meta", "backup_meta", "full_meta"):
            self._put(f"meta/{each}.json", json.dumps(meta))

    def restore(self, rename: str, *, rebuild: bool) -> None:
        old, new = (each.partition(".")[::2] for each in rename.split(":"))
        try:
            meta = json.loads(self._get("meta/full_meta.json"))
        except ClientError:
            _fail(f"backup {self._name} not found")
        found = next((each for each in meta["collection_backups"] if each["collection_name"] == old[1]), None)
        if found is None:
            _fail(f"restore: collection {old[1]} not exist in backup")
        data = self._listed(self._s3, self._bucket, f"{self._start}binlogs/insert_log/")
        if not data:
            _fail("restore: bulk insert: no binlog to import, input=[]")
        client = self._connected(new[0])
        if new[1] in client.list_collections():
            _fail(f"restore: collection {new[1]} already exist")
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        for field in found["fields"]:
            types = {key: DataType(field.pop(key)) for key in ("datatype", "element_type") if key in field}
            schema.add_field(**field, **types)
        client.create_collection(new[1], schema=schema)
        rows = [json.loads(line) for key in data for line in self._get(key[len(self._start) :]).splitlines()]
        for start in range(0, len(rows), 500):
            client.insert(new[1], rows[start : start + 500])
        client.flush(new[1])
        if rebuild:
            index, told = client.prepare_index_params(), found["index"]
            index.add_index(
                told["field_name"], index_type=told["index_type"], metric_type=told["metric_type"],
                params={key: int(told[key]) for key in _INDEX[3:] if key in told},
            )  # fmt: skip
            client.create_index(new[1], index)

    def _connected(self, database: str) -> MilvusClient:
        return MilvusClient(uri=self._milvus, token=self._login, db_name=database, dedicated=True, timeout=20)

    def _put(self, key: str, text: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=self._start + key, Body=text.encode())

    def _get(self, key: str) -> str:
        return str(self._s3.get_object(Bucket=self._bucket, Key=self._start + key)["Body"].read().decode())

    def _listed(self, s3: Any, bucket: str, prefix: str) -> list[str]:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]


def _client(host: str, port: int, tls: bool, keys: tuple[str, str]) -> Any:
    return Session().create_client(
        "s3", endpoint_url=f"{'https' if tls else 'http'}://{host}:{port}", region_name="us-east-1",
        verify=os.environ.get("SSL_CERT_FILE", True), aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip


def _vector_field(described: dict[str, Any]) -> str:
    return next(str(each["name"]) for each in described["fields"] if "dim" in each["params"])


def _fields(described: dict[str, Any]) -> list[dict[str, Any]]:
    fields = []
    for each in described["fields"]:
        field = {"field_name": each["name"], "datatype": int(each["type"]), **each["params"]}
        if each.get("element_type"):
            field["element_type"] = int(each["element_type"])
        field |= {key: True for key in ("is_primary", "is_partition_key") if each.get(key)}
        fields.append(field)
    return fields


def _rows(client: MilvusClient, collection: str) -> list[dict[str, Any]]:
    found = client.query_iterator(
        collection, batch_size=500, filter='id != ""', output_fields=["*"], consistency_level="Strong"
    )
    rows: list[dict[str, Any]] = []
    while batch := found.next():
        rows += [{key: _plain(value) for key, value in row.items()} for row in batch]
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool | int | float):
        return value
    return [_plain(each.item() if hasattr(each, "item") else each) for each in value]


def _fault() -> str:
    file = Path(os.environ["STANDIN_FAULT"])
    return file.read_text() if file.exists() else ""


def _fail(message: str) -> NoReturn:
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(1)


def _panic(message: str) -> NoReturn:
    print(f"panic: {message}\n\ngoroutine 1 [running]:\nmain.main()", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
