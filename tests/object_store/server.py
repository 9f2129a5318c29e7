"""Starts and stops the S3 server, and looks into it past the code under test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import Session

ROOT = Path(__file__).parents[2]


class S3Server:
    """One server with a folder of its own; objects are in its memory."""

    def __init__(self, folder: Path, certificate: tuple[Path, Path] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        files = [str(each) for each in certificate or ()]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.object_store", str(folder), *files],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the S3 server did not start: {self._process.communicate()[1]}")
        told = json.loads(line)
        self.port: int = told["port"]
        # A name, for certificates are made for names.
        self.endpoint = f"https://localhost:{self.port}" if certificate else f"http://127.0.0.1:{self.port}"
        self.keys: tuple[str, str] = tuple(told["users"]["all"])  # type: ignore[assignment]
        self.reader_keys: tuple[str, str] = tuple(told["users"]["reader"])  # type: ignore[assignment]
        self.writer_keys: tuple[str, str] = tuple(told["users"]["writer"])  # type: ignore[assignment]
        self._client: Any = None

    def client(self) -> Any:
        """A client of the user who may do all; it takes any certificate."""
        self._client = self._client or Session().create_client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", verify=False,
            aws_access_key_id=self.keys[0], aws_secret_access_key=self.keys[1],
            config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        return self._client

    def make_bucket(self, name: str) -> None:
        self.client().create_bucket(Bucket=name)

    def keys_of(self, bucket: str, prefix: str = "") -> dict[str, int]:
        """The objects of a bucket, with their sizes."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}

    def environment(self) -> dict[str, str]:
        """What a pod has of the credentials' Secret."""
        return {"AWS_ACCESS_KEY_ID": self.keys[0], "AWS_SECRET_ACCESS_KEY": self.keys[1]}

    def fail(self, method: str, match: str, status: int, code: str, message: str = "") -> None:
        """Answer such requests by an error from now on."""
        self._set({"method": method, "match": match, "status": status, "code": code, "message": message})

    def stall(self, method: str, match: str) -> None:
        """Hold such requests from now on; they are never carried out."""
        self._set({"method": method, "match": match, "stall": True})

    def cut(self, method: str, match: str, size: int) -> None:
        """Break the connection of the first such request off, after so many bytes of the answer."""
        self._set({"method": method, "match": match, "cut": size})

    def heal(self) -> None:
        for name in ("fault", "held"):
            (self._folder / name).unlink(missing_ok=True)

    @property
    def stalls(self) -> bool:
        """Whether a request is being held."""
        return (self._folder / "held").exists()

    def requests(self) -> list[str]:
        file = self._folder / "requests"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _set(self, fault: dict[str, Any]) -> None:
        fresh = self._folder / "fault.new"
        fresh.write_text(json.dumps(fault), encoding="utf-8")
        fresh.replace(self._folder / "fault")
