"""The engine `milvus-backup` on a real Milvus and a real S3 server, with a stand-in for the executable that really
saves and restores, and fails in the ways that milvus-backup does."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusClient

from semantic_router_proxy.cache.milvus.collection import origin_of, real_name
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.conftest import ROOT_TOKEN, milvus_config
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.milvus_backup.install import StandIn
from tests.object_store.runner import Runner
from tests.object_store.server import S3Server
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-collections")

ROWS = 40


class Site(Runner):
    """A router's cache in the shared Milvus, the stores, and the stand-in."""

    alias: str
    standin: StandIn
    client: MilvusClient
    milvus: MilvusConfig

    async def write(self, count: int) -> None:
        store = MilvusStore(self.milvus, WordEmbedder.identity)
        await store.open()
        await store.put([entry(number, answer=b'{"number": %d}' % number) for number in range(count)])
        await store.close()

    def rows(self, collection: str) -> dict[str, Any]:
        found = self.client.query(collection, filter='id != ""', output_fields=["*"], consistency_level="Strong")
        return {row["id"]: {**row, "embedding": [round(float(each), 5) for each in row["embedding"]]} for row in found}

    def good(self) -> list[str]:
        return sorted(key.split("/")[-2] for key in self.objects() if key.endswith("/backup.json"))


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.make_bucket("milvus-own")
    server.client().put_object(Bucket="milvus-own", Key="files/insert_log/1", Body=b"what Milvus keeps there")
    yield server
    server.stop()


@pytest.fixture
def site(s3: S3Server, milvus_server: MilvusServer, tmp_path: Path) -> Iterator[Site]:
    bucket = f"backups-{abs(hash(tmp_path)):x}"[:40]
    s3.make_bucket(bucket)
    standin = StandIn(tmp_path / "bin")
    alias = f"backed_{abs(hash(tmp_path)):x}"
    settings = {
        "router": {"namespace": "shop", "name": "router"},
        "engine": "milvus-backup",
        "collection": alias,
        "storage": {"endpoint": s3.endpoint, "bucket": bucket},
        "milvus": {"address": f"127.0.0.1:{milvus_server.port}"},
        "milvus_storage": {"endpoint": s3.endpoint, "bucket": "milvus-own"},
        "work_dir": str(tmp_path),
        "executable": str(standin.executable),
        "retention": 2,
        "timeout_seconds": 120,
    }
    username, password = ROOT_TOKEN.split(":")
    keys = s3.environment()
    environment = keys | {
        "MILVUS_USERNAME": username,
        "MILVUS_PASSWORD": password,
        "MILVUS_STORAGE_ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"],
        "MILVUS_STORAGE_SECRET_ACCESS_KEY": keys["AWS_SECRET_ACCESS_KEY"],
        # As a Service named milvus puts it into every pod.
        "MILVUS_PORT": "tcp://10.0.0.1:19530",
    }
    made = Site(s3, bucket, tmp_path, settings, environment)
    made.alias, made.standin = alias, standin
    made.milvus = milvus_config(milvus_server, collection={"name": alias})
    made.client = MilvusClient(
        uri=f"http://127.0.0.1:{milvus_server.port}", token=ROOT_TOKEN, dedicated=True, timeout=20
    )
    handler = signal.getsignal(signal.SIGTERM)
    yield made
    signal.signal(signal.SIGTERM, handler)
    s3.heal()
    made.client.close()


async def test_a_collection_is_saved_checked_and_restored_beside_itself(site: Site) -> None:
    await site.write(ROWS)
    made = site("run")
    assert (made["outcome"], made["rows"], made["engine"]) == ("succeeded", ROWS, "milvus-backup"), made
    assert made["embedder"] == str(WordEmbedder.identity)
    start = f"shop/router/{made['name']}/"
    content = site.s3.client().get_object(Bucket=site.bucket, Key=f"{start}backup.json")["Body"].read()
    named = {start + each["key"]: each["bytes"] for each in json.loads(content)["objects"]}
    assert named == {key: size for key, size in site.objects().items() if not key.endswith("/backup.json")}
    assert site("check")["rows"] == ROWS

    before = site.rows(site.alias)
    into = f"{site.alias}_v20261121170000"
    for _ in range(2):
        # The second time as after an attempt of which nobody heard the end.
        restored = site("restore", "--into", into)
        assert restored["outcome"] == "succeeded", restored
        assert (restored["rows"], restored["collection"], restored["previous"]) == (ROWS, into, f"{site.alias}_v1")
    assert site.rows(into) == before
    assert origin_of(site.client, into).embedder == str(WordEmbedder.identity)
    assert real_name(site.client, site.alias) == f"{site.alias}_v1"
    trial = site("restore", "--into", f"{site.alias}_drill", "--trial")
    assert (trial["operation"], trial["rows"]) == ("drill", ROWS)
    assert real_name(site.client, f"{site.alias}_drill") is None
    assert site("restore", "--into", f"{site.alias}_v1")["reason"] == "CollectionInUse"
    assert site("restore", "--into", "another")["reason"] == "NameInvalid"
    assert site("fetch", str(site.folder / "x"))["reason"] == "EngineMismatch"


async def test_its_failures_are_told_and_harm_nothing(site: Site) -> None:
    assert site("run")["reason"] == "CollectionMissing"
    await site.write(0)
    nothing = site("run")
    assert (nothing["outcome"], nothing["reason"]) == ("succeeded", "NothingToSave")
    await site.write(3)
    assert site("run", "--name", "good")["outcome"] == "succeeded"

    for fault, reason in (
        ("panic", "MilvusBackupPanicked"),
        ("abort", "MilvusBackupFailed"),
        ("silent", "MilvusBackupFailed"),
    ):
        site.standin.fail(fault)
        assert site("run", "--name", f"after_{fault}")["reason"] == reason
    site.standin.heal()
    # What an aborted one has left is neither seen nor deleted by milvus-backup, and blocks its name.
    blocked = site("run", "--name", "after_abort")
    assert (blocked["reason"], "backup name" in blocked["message"]) == ("BackupNameBlocked", True)
    assert site("restore", "--name", "after_abort", "--into", f"{site.alias}_v9")["reason"] == "BackupUnfinished"

    site.settings["milvus_storage"]["root_path"] = "file"
    empty = site("run", "--name", "of_nothing")
    assert (empty["reason"], "empty backup" in empty["message"]) == ("BackupEmpty", True)
    site.settings["milvus_storage"]["root_path"] = "files"

    site.environment["MILVUS_STORAGE_SECRET_ACCESS_KEY"] = "hunter22"
    refused = site("run")
    assert refused["reason"] == "MilvusStorageRefused"
    assert "hunter22" not in refused["output"]
    site.environment["MILVUS_PASSWORD"] = "wrong"
    unknown = site("run")
    assert (unknown["reason"], "refuses the password" in unknown["message"]) == ("MilvusFailing", True)
    site.settings["executable"] = str(site.folder / "nothing")
    site.environment |= {"MILVUS_PASSWORD": ROOT_TOKEN.split(":")[1]}
    assert site("run")["reason"] == "ExecutableMissing"
    assert site.good() == ["good"]
    assert site("check")["name"] == "good"


async def test_it_is_ended_when_its_time_is_over(site: Site) -> None:
    await site.write(3)
    site.standin.fail("hang")
    site.settings["timeout_seconds"] = 1
    slow = site("run")
    assert (slow["reason"], site.good()) == ("TooSlow", [])


async def test_what_did_not_come_back_whole_is_no_restore(site: Site) -> None:
    await site.write(ROWS)
    name = site("run")["name"]
    client, key = site.s3.client(), f"shop/router/{name}/backup.json"
    catalogue = json.loads(client.get_object(Bucket=site.bucket, Key=key)["Body"].read())
    client.put_object(Bucket=site.bucket, Key=key, Body=json.dumps(catalogue | {"rows": 99, "rows_least": 98}).encode())
    missing = site("restore", "--into", f"{site.alias}_v5")
    assert (missing["reason"], "98 to 99" in missing["message"]) == ("RowsMissing", True), missing
    catalogue["versions"]["milvus"] = "v2.6.1"
    client.put_object(Bucket=site.bucket, Key=key, Body=json.dumps(catalogue).encode())
    older = site("restore", "--into", f"{site.alias}_v5")
    assert (older["reason"], older["code"]) == ("VersionTooOld", 2)
