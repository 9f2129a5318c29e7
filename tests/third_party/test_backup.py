"""Backups in a real MinIO of a cache in a real Milvus, which keeps its own data in the same MinIO."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.config import Config
from botocore.session import Session

from semantic_router_proxy.cache.archive import ArchiveHeader, ArchiveReader, write_archive
from semantic_router_proxy.cache.entry import CacheEntry
from tests.control_plane.server import free_ports
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.milvus_backup.install import StandIn
from tests.third_party.conftest import find_or_build

Json = dict[str, Any]
pytestmark = pytest.mark.timeout(900)
ENTRIES = 2000
# Those that MinIO and Milvus have when nobody says otherwise.
_KEYS = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin"}
_BUCKET = "backups"


@dataclass
class Place:
    """A folder with the configuration of a router and that of its backups, and the store of both."""

    folder: Path
    endpoint: str
    store: Any
    port: int

    def configure(self) -> None:
        connection = {"host": "127.0.0.1", "port": self.port, "timeout": 60}
        (self.folder / "milvus.yaml").write_text(yaml.safe_dump({"connection": connection}))
        cache = {"backend_type": "milvus", "backend_config_path": "milvus.yaml"}
        (self.folder / "config.yaml").write_text(yaml.safe_dump({"semantic_cache": cache}))
        self.backups()

    def backups(self, **settings: Any) -> None:
        """Write the runner's configuration."""
        config = {
            "router": {"namespace": "team", "name": "semantic-router"},
            "engine": "export",
            "storage": {"endpoint": self.endpoint, "bucket": _BUCKET},
            "retention": 2,
            "work_dir": str(self.folder),
            "replication": "verify",
        }
        (self.folder / "backup.yaml").write_text(yaml.safe_dump(config | settings))

    def cache(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`semantic-router cache ...`."""
        command = [sys.executable, "-m", "semantic_router_proxy.cli", "cache", *words]
        return self._run([*command, f"--config={self.folder / 'config.yaml'}"])

    def backup(self, *words: str, **environment: str) -> tuple[int, Json]:
        """`semantic-router-operator backup ...`; its exit code and its result."""
        program = str(Path(sys.executable).parent / "semantic-router-operator")
        result = self.folder / "result"
        result.unlink(missing_ok=True)
        done = self._run(
            [program, "backup", *words, f"--config={self.folder / 'backup.yaml'}"],
            **_KEYS | {"SEMANTIC_ROUTER_RESULT_FILE": str(result)} | environment,
        )
        return done.returncode, json.loads(result.read_text())

    def _run(self, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        settings = os.environ | {"COLUMNS": "200"} | environment
        return subprocess.run(command, cwd=self.folder, env=settings, capture_output=True, text=True, timeout=300)

    def exported(self, name: str) -> dict[str, Json]:
        """The entries that the routers' collection has, to the byte."""
        done = self.cache("export", str(self.folder / name))
        assert done.returncode == 0, done.stderr
        return {
            each.header.entry_id: asdict(each)
            | {"embedding": each.embedding.tobytes() if each.embedding is not None else b""}
            for portion in ArchiveReader(io.BytesIO((self.folder / name).read_bytes())).portions()
            for each in portion
        }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (port,) = free_ports(1)
    minio = find_or_build("minio") / "minio"
    server = MilvusServer(tmp_path / "milvus", str(minio), str(port), module="tests.third_party.isolated")
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    store = Session().create_client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", config=Config(s3={"addressing_style": "path"}),
        aws_access_key_id="minioadmin", aws_secret_access_key="minioadmin",
    )  # fmt: skip
    made = Place(tmp_path, endpoint, store, server.port)
    made.configure()
    yield made
    server.kill()


def _filled(place: Place) -> None:
    done = place.cache("stats", "-o", "json")
    assert done.returncode == 0, done.stderr
    header = ArchiveHeader(json.loads(done.stdout)["embedder"], 384)
    made = []
    for number in range(ENTRIES):
        short = entry(number, answer=b'{"answer": "\xc3\xa4 %d"}' % number)
        made.append(CacheEntry(short.header, short.request, short.response, short.embedding.repeat(12) / 12**0.5))  # type: ignore[union-attr]
    archive = place.folder / "entries.gz"
    archive.write_bytes(b"".join(write_archive(header, made)))
    done = place.cache("import", str(archive))
    assert done.returncode == 0, done.stderr


def test_what_was_saved_comes_back_into_a_new_collection(place: Place) -> None:
    _filled(place)
    before = place.exported("cache.gz")
    assert len(before) == ENTRIES

    code, told = place.backup("run")
    assert (code, told["reason"]) == (1, "BucketMissing")
    place.store.create_bucket(Bucket=_BUCKET)
    code, told = place.backup("run", AWS_SECRET_ACCESS_KEY="wrong")
    assert (code, told["reason"]) == (1, "CredentialsRefused")
    code, told = place.backup("run", "--name", "first")
    assert (code, told["outcome"], told["rows"]) == (0, "succeeded", ENTRIES), told
    place.store.put_bucket_versioning(Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    code, told = place.backup("run", "--name", "second")
    assert (code, told["kept"]) == (0, 2), told
    code, told = place.backup("run", "--name", "third")
    assert (code, told["pruned"]) == (0, ["first"]), told
    code, told = place.backup("check", "--backup", "latest")
    assert (code, told["name"], told["rows"]) == (0, "third", ENTRIES), told

    # The routers lose half of their entries, and go back.
    assert place.cache("invalidate", "--all").returncode == 0
    code, told = place.backup("fetch", "--name", "latest", str(place.folder / "back.gz"))
    assert code == 0, told
    done = place.cache("restore", str(place.folder / "back.gz"), "--into", "semantic_cache_v20261121170000")
    assert done.returncode == 0, done.stderr
    assert place.exported("empty.gz") == {}
    # Bucket and root path of a Milvus that nobody has told others: where milvus-backup is told to look.
    assert place.store.list_objects_v2(Bucket="a-bucket", Prefix="files/insert_log/")["KeyCount"] > 0
    done = place.cache("switch", "--to", "semantic_cache_v20261121170000")
    assert done.returncode == 0, done.stderr
    assert place.exported("after.gz") == before

    # What has been changed in the store since is found before it is used.
    name = next(key for key in _objects(place) if "third" in key and key.endswith(".gz"))
    place.store.put_object(Bucket=_BUCKET, Key=name, Body=b"something else")
    code, told = place.backup("check", "--backup", "third")
    assert (code, told["outcome"]) == (1, "failed")
    assert place.backup("check", "--backup", "second")[0] == 0


def test_milvus_own_objects_are_what_a_backup_without_data_is_told_by(place: Place) -> None:
    """The stand-in for milvus-backup looks for them where the real one does: in the store of a real Milvus."""
    _filled(place)
    before = place.exported("cache.gz")
    place.store.create_bucket(Bucket=_BUCKET)
    own = {"endpoint": place.endpoint, "bucket": "a-bucket"}
    program = StandIn(place.folder / "bin").executable
    engine: Json = {
        "engine": "milvus-backup", "executable": str(program), "milvus": {"address": f"127.0.0.1:{place.port}"},
    }  # fmt: skip
    keys = {"MILVUS_STORAGE_ACCESS_KEY_ID": "minioadmin", "MILVUS_STORAGE_SECRET_ACCESS_KEY": "minioadmin"}
    place.backups(**engine, milvus_storage={**own, "root_path": "elsewhere"})
    code, told = place.backup("run", **keys)
    assert (code, told["reason"]) == (1, "BackupEmpty"), told
    place.backups(**engine, milvus_storage=own)
    code, told = place.backup("run", **keys)
    assert (code, told["rows"]) == (0, ENTRIES), told
    code, told = place.backup("restore", "--into", "semantic_cache_v20261121180000", **keys)
    assert (code, told["rows"]) == (0, ENTRIES), told
    assert place.cache("invalidate", "--all").returncode == 0
    assert place.cache("switch", "--to", "semantic_cache_v20261121180000").returncode == 0
    assert place.exported("after.gz") == before


def _objects(place: Place) -> list[str]:
    return [each["Key"] for each in place.store.list_objects_v2(Bucket=_BUCKET)["Contents"]]
