"""The runner of backups as the tests use it: by its command line in this process, or as a process that is killed."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from semantic_router_operator.backup.result import RESULT_VARIABLE
from semantic_router_operator.cli import app
from semantic_router_proxy.cache.archive import ArchiveHeader, write_archive
from tests.milvus.entries import entry
from tests.object_store.server import S3Server
from tests.unit.cache.conftest import DIMENSION

HEADER = ArchiveHeader("words@1/32", DIMENSION)
PREFIX = "shop/router"
COMMAND = [sys.executable, "-c", "from semantic_router_operator.cli import main; main()", "backup"]


@dataclass
class Runner:
    """One router's backups in a bucket of its own. `settings` and `environment` may be changed."""

    s3: S3Server
    bucket: str
    folder: Path
    settings: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def archive(self) -> Path:
        return self.folder / "cache.gz"

    @property
    def config(self) -> Path:
        file = self.folder / "backup.yaml"
        file.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        return file

    def write_archive(self, entries: int, written: float | None = None) -> bytes:
        """Write an archive of so many entries; return its bytes."""
        content = b"".join(write_archive(HEADER, [entry(number) for number in range(entries)]))
        self.archive.write_bytes(content)
        if written is not None:
            os.utime(self.archive, (written, written))
        return content

    def __call__(self, verb: str, *arguments: str) -> dict[str, Any]:
        """Run a verb; return what a pod would say at its end, with `code` and `output` of the program."""
        told = self.folder / "result"
        told.unlink(missing_ok=True)
        environment = {**self.environment, RESULT_VARIABLE: str(told)}
        found = CliRunner().invoke(app, ["backup", verb, *arguments, "--config", str(self.config)], env=environment)
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exc_info
        result = json.loads(told.read_text(encoding="utf-8"))
        assert (result["outcome"] == "succeeded") == (found.exit_code == 0)
        return {**result, "code": found.exit_code, "output": found.output}

    def start(self, verb: str, *arguments: str, **popen: Any) -> subprocess.Popen[bytes]:
        """Start a verb as a process; its result is in `folder/result`."""
        environment = {**os.environ, **self.environment, RESULT_VARIABLE: str(self.folder / "result")}
        command = [*COMMAND, verb, *arguments, "--config", str(self.config)]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.folder, **popen
        )

    def result(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "result").read_text(encoding="utf-8")))

    def objects(self) -> dict[str, int]:
        return self.s3.keys_of(self.bucket)

    def good(self) -> list[str]:
        """The finished backups, the oldest first."""
        return sorted(key.split("/")[-2] for key in self.objects() if key.endswith("/backup.json"))
