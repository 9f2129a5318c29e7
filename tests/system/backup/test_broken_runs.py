"""What stands in a run's way is told apart, and a run that is killed anywhere harms nothing."""

import contextlib
import resource
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.milvus.certificates import make_certificates
from tests.object_store.runner import PREFIX, Runner
from tests.object_store.server import S3Server

_SECONDS = 60


def _settings(runner: Runner, **storage: Any) -> None:
    runner.settings["storage"] |= storage


WRONG: dict[str, Any] = {
    "no such key": lambda each: each.environment.update(AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE"),
    "another secret": lambda each: each.environment.update(AWS_SECRET_ACCESS_KEY="wrong"),
    "no credentials": lambda each: each.environment.update(AWS_SECRET_ACCESS_KEY=""),
    "may only read": lambda each: each.environment.update(
        zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), each.s3.reader_keys, strict=True)
    ),
    "no bucket": lambda each: _settings(each, bucket="another-bucket"),
    "nothing listens": lambda each: _settings(each, endpoint="http://127.0.0.1:1"),
    "no such name": lambda each: _settings(each, endpoint="http://minio.invalid:9000"),
    "no TLS there": lambda each: _settings(each, endpoint=each.s3.endpoint.replace("http:", "https:")),
    "no authority": lambda each: _settings(each, ca_file="/nowhere/ca.crt"),
    "full": lambda each: each.s3.fail("PUT", "/cache.gz", 507, "XMinioStorageFull"),
    "store in trouble": lambda each: each.s3.fail("PUT", "/cache.gz", 400, "InternalError", "try later"),
    "no archive": lambda each: each.archive.unlink(),
    "unreadable archive": lambda each: each.archive.write_bytes(b"something else"),
    "wrong key in the file": lambda each: each.settings.update(retention=0),
}
REASONS = {
    "no such key": "CredentialsRefused",
    "another secret": "CredentialsRefused",
    "no credentials": "CredentialsMissing",
    "may only read": "AccessDenied",
    "no bucket": "BucketMissing",
    "nothing listens": "Unreachable",
    "no such name": "AddressUnknown",
    "no TLS there": "TLSNotSpoken",
    "no authority": "CertificateUnusable",
    "full": "QuotaExceeded",
    "store in trouble": "StorageFailing",
    "no archive": "ArchiveMissing",
    "unreadable archive": "ArchiveDamaged",
    "wrong key in the file": "ConfigInvalid",
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told(runner: Runner, what: str) -> None:
    runner.write_archive(3)
    WRONG[what](runner)
    found = runner("run")
    assert found["reason"] == REASONS[what]
    assert found["message"].endswith((".", "?"))
    assert found["message"] in found["output"].replace("\n", " ")
    assert runner.s3.keys[1] not in found["output"]
    assert runner.good() == []


def test_an_empty_cache_is_a_failure_only_where_entries_were_saved_before(runner: Runner) -> None:
    runner.write_archive(0)
    nothing = runner("run")
    assert (nothing["outcome"], nothing["reason"], nothing["rows"]) == ("succeeded", "NothingToSave", 0)
    assert ("name" in nothing, runner.objects()) == (False, {})
    runner.write_archive(3)
    assert runner("run", "--name", "full")["outcome"] == "succeeded"
    runner.write_archive(0)
    lost = runner("run")
    assert (lost["reason"], "empty backup" in lost["message"]) == ("BackupEmpty", True)
    assert runner.good() == ["full"]


def test_an_empty_cache_is_a_failure_where_nobody_can_tell_what_was_before(runner: Runner) -> None:
    runner.s3.client().put_object(Bucket=runner.bucket, Key=f"{PREFIX}/older/backup.json", Body=b"{")
    runner.write_archive(0)
    assert runner("run")["reason"] == "BackupEmpty"


def test_a_store_in_trouble_is_awaited(runner: Runner) -> None:
    runner.write_archive(3)
    runner.s3.fail("PUT", "/cache.gz", 400, "InternalError", "try later")
    process = runner.start("run", "--patience", "60")
    assert process.stderr is not None
    said = process.stderr.readline()
    runner.s3.heal()
    process.communicate(timeout=_SECONDS)
    result = runner.result()
    assert (b"try later. Trying again in 2 s." in said, result["outcome"], result["rows"]) == (True, "succeeded", 3)
    assert runner.good() == [result["name"]]


def test_a_certificate_is_looked_at(runner: Runner, tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls", "localhost")
    server = S3Server(tmp_path / "s3-tls", (tmp_path / "tls/server.crt", tmp_path / "tls/server.key"))
    try:
        server.make_bucket("backups")
        runner.environment |= server.environment()
        runner.settings["storage"] = {"endpoint": server.endpoint, "bucket": "backups"}
        runner.write_archive(3)
        refused = runner("run")
        assert refused["reason"] == "CertificateRefused"
        assert "CA Secret" in refused["message"]
        _settings(runner, ca_file=str(tmp_path / "tls/ca.crt"))
        assert runner("run")["outcome"] == "succeeded"
        _settings(runner, ca_file=None, insecure=True)
        assert runner("check")["outcome"] == "succeeded"
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("method", "match", "counts"),
    [
        ("PUT", "/begun/", False),
        ("PUT", "/cache.gz", False),
        ("PUT", "/backup.json", False),
        ("DELETE", "/begun/", True),
        ("DELETE", "/oldest/", True),
    ],
)  # fmt: skip
def test_a_run_is_killed_and_the_next_goes_on(runner: Runner, method: str, match: str, counts: bool) -> None:
    runner.settings["retention"] = 1
    runner.write_archive(3, time.time() - 7200)
    runner("run", "--name", "oldest")
    content = runner.write_archive(40)
    runner.s3.stall(method, match)
    process = runner.start("run", "--name", "killed")
    _await_stall(runner, process)
    process.kill()
    process.communicate()
    runner.s3.heal()
    assert runner.good() == (["killed", "oldest"] if counts else ["oldest"])
    assert runner("check")["outcome"] == "succeeded"
    made = runner("run", "--name", "killed")
    assert (made["outcome"], made["rows"]) == ("succeeded", 40)
    assert runner.good() == ["killed"]
    assert runner.objects().keys() == {f"{PREFIX}/killed/cache.gz", f"{PREFIX}/killed/backup.json"}
    back = runner.folder / "back.gz"
    assert runner("fetch", str(back))["name"] == "killed"
    assert back.read_bytes() == content


def test_a_deadline_is_told(runner: Runner) -> None:
    runner.write_archive(40)
    runner.s3.stall("PUT", "/cache.gz")
    process = runner.start("run")
    _await_stall(runner, process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=_SECONDS)
    assert process.returncode == 1
    assert (runner.result()["reason"], runner.good()) == ("Killed", [])
    assert b"deadline" in said
    assert b"Traceback" not in said


def test_a_full_disk_is_told(runner: Runner) -> None:
    content = runner.write_archive(400)
    assert runner("run")["outcome"] == "succeeded"
    limit = len(content) // 2

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = runner.start("fetch", str(runner.folder / "back.gz"), preexec_fn=no_large_files)
    process.communicate(timeout=_SECONDS)
    assert (process.returncode, runner.result()["reason"]) == (1, "DiskFull")
    assert not list(runner.folder.glob("*back.gz*"))


def _await_stall(runner: Runner, process: Any) -> None:
    deadline = time.monotonic() + _SECONDS
    while not runner.s3.stalls:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        with contextlib.suppress(Exception):
            process.wait(0.05)
