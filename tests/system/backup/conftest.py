"""A bucket of its own on a real S3 server for each test."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.object_store.runner import Runner
from tests.object_store.server import S3Server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def runner(s3: S3Server, tmp_path: Path) -> Iterator[Runner]:
    """The engine `export`, three kept."""
    bucket = f"backups-{abs(hash(tmp_path)):x}"[:40]
    s3.make_bucket(bucket)
    settings = {
        "router": {"namespace": "shop", "name": "router"},
        "engine": "export",
        "storage": {"endpoint": s3.endpoint, "bucket": bucket},
        "retention": 3,
        "work_dir": str(tmp_path),
        "timeout_seconds": 1800,
    }
    handler = signal.getsignal(signal.SIGTERM)
    yield Runner(s3, bucket, tmp_path, settings, s3.environment())
    s3.heal()
    signal.signal(signal.SIGTERM, handler)
