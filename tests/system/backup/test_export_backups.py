"""Backups of the engine `export`: they come back to the byte, the last good one stays, and damage is found."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.object_store.runner import PREFIX, Runner
from tests.object_store.server import S3Server

from semantic_router_operator.backup.config import Storage
from semantic_router_operator.backup.failure import BackupError
from semantic_router_operator.runner.object_store import ObjectStore

NOON = 1_800_000_000.0
MIB = 1024 * 1024


def test_what_was_saved_comes_back_to_the_byte(runner: Runner) -> None:
    content = runner.write_archive(450, NOON)
    made = runner("run")
    assert (made["outcome"], made["rows"], made["kept"], made["objects"]) == ("succeeded", 450, 1, 1)
    assert made["bytes"] == len(content)
    name = made["name"]
    start = f"{PREFIX}/{name}/"
    assert runner.objects() == {f"{start}cache.gz": len(content), f"{start}backup.json": pytest.approx(1000, abs=600)}
    catalogue = json.loads(
        runner.s3.client().get_object(Bucket=runner.bucket, Key=f"{start}backup.json")["Body"].read()
    )
    assert catalogue["objects"][0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (catalogue["embedder"], catalogue["dimension"]) == ("words@1/32", 32)

    checked = runner("check", "--backup", "latest", "--before", "2027-01-15T08:00:00Z")
    assert (checked["name"], checked["rows"], checked["embedder"]) == (name, 450, "words@1/32")
    too_early = runner("check", "--before", "2027-01-15T07:59:59+00:00")
    assert (too_early["reason"], name in too_early["message"]) == ("BackupMissing", True)
    back = runner.folder / "back.gz"
    assert runner("fetch", str(back), "--name", name)["outcome"] == "succeeded"
    assert back.read_bytes() == content
    assert [each["name"] for each in json.loads(runner("list", "-o", "json")["output"])["backups"]] == [name]
    assert name in runner("list")["output"]


def test_a_name_is_made_once(runner: Runner) -> None:
    runner.write_archive(5)
    assert runner("run", "--name", "by_hand")["rows"] == 5
    runner.write_archive(9)
    # A pod that ended before it could say so is started anew.
    again = runner("run", "--name", "by_hand")
    assert (again["outcome"], again["rows"]) == ("succeeded", 5)
    runner.settings["router"] = {"namespace": "shop", "name": "other"}
    runner.settings["storage"]["prefix"] = PREFIX
    assert runner("run", "--name", "by_hand")["reason"] == "BackupNameBlocked"
    assert (runner("run", "--name", "by-hand")["reason"], runner.good()) == ("NameInvalid", ["by_hand"])


def test_retention_takes_the_oldest_and_what_was_interrupted_and_nothing_of_others(runner: Runner) -> None:
    client = runner.s3.client()
    runner.settings["storage"]["prefix"] = "all"
    runner.settings["router"]["name"] = "other"
    runner.write_archive(3, NOON - 9_000)
    assert runner("run", "--name", "of_another")["outcome"] == "succeeded"
    runner.settings["router"]["name"] = "router"
    mark = {"format": "semantic-router-backup", "name": "broken_off", "engine": "export",
            "router": runner.settings["router"], "started": "2026-01-01T00:00:00Z"}  # fmt: skip
    client.put_object(Bucket=runner.bucket, Key="all/begun/broken_off.json", Body=json.dumps(mark).encode())
    client.put_object(Bucket=runner.bucket, Key="all/broken_off/cache.gz", Body=b"half")
    client.create_multipart_upload(Bucket=runner.bucket, Key="all/broken_off/cache.gz")
    for number in range(5):
        runner.write_archive(3, NOON + number)
        made = runner("run", "--name", f"number_{number}")
        assert made["kept"] == min(number + 1, 3)
    assert made["pruned"] == ["number_1"]
    assert runner.good() == ["number_2", "number_3", "number_4", "of_another"]
    assert not [key for key in runner.objects() if "broken_off" in key or "number_1/" in key]
    assert not client.list_multipart_uploads(Bucket=runner.bucket).get("Uploads")
    assert runner("prune", "--keep", "1")["pruned"] == ["number_2", "number_3"]
    assert runner("check", "--name", "of_another")["outcome"] == "succeeded"


def test_a_failed_run_prunes_nothing(runner: Runner) -> None:
    runner.settings["retention"] = 1
    runner.write_archive(3)
    assert runner("run", "--name", "good")["kept"] == 1
    runner.archive.write_bytes(runner.write_archive(300)[:-20])
    failed = runner("run", "--name", "bad")
    assert (failed["reason"], failed["code"]) == ("ArchiveDamaged", 1)
    assert runner.good() == ["good"]
    assert runner("check")["name"] == "good"
    assert json.loads(runner("list", "-o", "json")["output"])["unfinished"][0]["name"] == "bad"


def test_a_prune_that_fails_is_a_warning(runner: Runner) -> None:
    runner.settings["retention"] = 1
    runner.write_archive(3, NOON)
    runner("run", "--name", "first")
    runner.s3.fail("DELETE", "/first/", 403, "AccessDenied")
    runner.write_archive(3, NOON + 1)
    made = runner("run", "--name", "second")
    assert made["outcome"] == "succeeded"
    assert "Old backups could not be deleted" in made["warnings"][0]
    assert runner.good() == ["first", "second"]


@pytest.mark.parametrize("verb", ["check", "fetch"])
def test_damage_in_the_store_is_found(runner: Runner, verb: str) -> None:
    content = runner.write_archive(300)
    runner("run", "--name", "one")
    arguments = (verb, str(runner.folder / "back.gz")) if verb == "fetch" else (verb,)
    client, key = runner.s3.client(), f"{PREFIX}/one/cache.gz"
    altered = content[:99] + bytes([content[99] ^ 1]) + content[100:]
    for body, says in (
        (content[:-5], "bytes and had|SHA-256"),
        (altered, "SHA-256"),
        (None, "missing|not in the bucket"),
    ):
        client.delete_object(Bucket=runner.bucket, Key=key)
        if body is not None:
            client.put_object(Bucket=runner.bucket, Key=key, Body=body)
        found = runner(*arguments)
        assert found["reason"] == "BackupDamaged"
        assert any(each in found["message"] for each in says.split("|"))
        assert not list(runner.folder.glob("*back.gz*"))
    client.put_object(Bucket=runner.bucket, Key=f"{PREFIX}/one/backup.json", Body=b"{")
    assert runner("check", "--name", "one")["reason"] == "CatalogueUnusable"


def test_versioning_and_replication_are_looked_at(runner: Runner) -> None:
    runner.settings["replication"] = "verify"
    runner.write_archive(3)
    made = runner("run")
    assert made["replication"] == {"versioning": "off", "replication": "off", "targets": []}
    assert len(made["warnings"]) == 2
    client, target = runner.s3.client(), f"{runner.bucket}-dr"
    runner.s3.make_bucket(target)
    for bucket in (runner.bucket, target):
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {"Status": "Enabled", "Priority": 1, "Filter": {"Prefix": PREFIX}, "ID": "dr",
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{target}"}}  # fmt: skip
    client.put_bucket_replication(Bucket=runner.bucket, ReplicationConfiguration={"Role": "r", "Rules": [rule]})
    made = runner("run")
    assert made["replication"] == {"versioning": "on", "replication": "on", "targets": [target]}
    assert "warnings" not in made
    writer = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), runner.s3.writer_keys, strict=True))
    runner.environment |= writer
    made = runner("run")
    assert (made["outcome"], made["replication"]["versioning"]) == ("succeeded", "unknown")
    assert "s3:GetBucketVersioning" in made["warnings"][0]


@pytest.fixture
def large(runner: Runner) -> tuple[ObjectStore, Path, str]:
    """A store that takes parts of 5 MiB, a file of 12 MiB and its digest."""
    storage = Storage.model_validate(runner.settings["storage"])
    file = runner.folder / "large"
    content = bytes(range(256)) * (12 * 4096)
    file.write_bytes(content)
    return ObjectStore(storage, *runner.s3.keys, part_bytes=5 * MIB), file, hashlib.sha256(content).hexdigest()


def _sent(s3: S3Server, since: int) -> list[str]:
    return [line.partition("partNumber=")[2][0] for line in s3.requests()[since:] if "partNumber=" in line]


def test_an_upload_that_broke_off_goes_on(runner: Runner, large: tuple[ObjectStore, Path, str]) -> None:
    store, file, digest = large
    runner.s3.fail("PUT", "partNumber=3", 507, "InsufficientCapacity")
    with pytest.raises(BackupError, match="is full") as found:
        store.put_file("large", file, digest)
    assert found.value.reason == "QuotaExceeded"
    assert runner.objects() == {}
    runner.s3.heal()
    before = len(runner.s3.requests())
    store.put_file("large", file, digest)
    assert _sent(runner.s3, before) == ["3"]
    assert store.digest("large") == (digest, 12 * MIB)
    # Other content under the same name is uploaded anew, whatever an earlier upload has left.
    runner.s3.client().create_multipart_upload(Bucket=runner.bucket, Key="large")
    file.write_bytes(file.read_bytes()[::-1])
    turned = hashlib.sha256(file.read_bytes()).hexdigest()
    store.put_file("large", file, turned)
    assert store.digest("large")[0] == turned


def test_a_download_that_broke_off_goes_on(runner: Runner, large: tuple[ObjectStore, Path, str]) -> None:
    store, file, digest = large
    store.put_file("large", file, digest)
    runner.s3.cut("GET", "/large", 7 * MIB)
    back = runner.folder / "back"
    store.get_file("large", back, digest)
    assert back.read_bytes() == file.read_bytes()
