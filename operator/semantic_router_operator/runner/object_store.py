"""The object store of the backups, by S3's language.

Nothing is held in memory but one part (16 MiB). Every request body carries its SHA-256 in the signature, so the store
itself refuses what was altered on the way; botocore's newer checksums by trailer are off, because stores other than
AWS's refuse them.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from semantic_router_operator.backup.config import Storage
from semantic_router_operator.backup.failure import BackupError
from semantic_router_operator.runner.store_errors import explained, of_answer, of_disk

PART_BYTES = 16 * 1024 * 1024
# S3's limit for the parts of one object.
_MOST_PARTS = 10_000
_PIECE = 1024 * 1024
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it; `key` is whole."""

    key: str
    bytes: int
    modified: datetime


class ObjectStore:
    """One bucket. Every method may raise BackupError."""

    def __init__(self, storage: Storage, access_key: str, secret_key: str, *, part_bytes: int = PART_BYTES) -> None:
        if not access_key or not secret_key:
            text = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: does the credentials' Secret have the keys"
            raise BackupError("CredentialsMissing", f"{text} accesskey and secretkey?")
        if storage.ca_file is not None and not Path(storage.ca_file).is_file():
            raise BackupError("CertificateUnusable", f"There is no file {storage.ca_file} with the authority.")
        self.storage = storage
        self._bucket = storage.bucket
        self._part_bytes = part_bytes
        self._s3 = _client(storage, access_key, secret_key)

    def check(self) -> None:
        """Look whether the store is reached and the bucket may be listed."""
        with explained(self.storage, "listing it"):
            self._s3.list_objects_v2(Bucket=self._bucket, MaxKeys=1)

    def objects(self, prefix: str) -> Iterator[Listed]:
        """Yield all objects whose names begin so, by name."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with explained(self.storage, "listing it"):
            for page in pages:
                for each in page.get("Contents", ()):
                    yield Listed(str(each["Key"]), int(each["Size"]), each["LastModified"])

    def names(self, prefix: str) -> list[str]:
        """Return the folders directly below a prefix that ends with a slash."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        with explained(self.storage, "listing it"):
            found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        return [str(each)[len(prefix) :].rstrip("/") for each in found]

    def get(self, key: str) -> bytes | None:
        """Return a small object's content, None where there is none."""
        from botocore.exceptions import ClientError

        with explained(self.storage, f"reading {key}"):
            try:
                return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                    return None
                raise

    def put(self, key: str, content: bytes) -> None:
        """Write a small object."""
        with explained(self.storage, f"writing {key}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    def put_file(self, key: str, file: Path, sha256: str) -> None:
        """Write a file. What an earlier run has uploaded of the very same content is not uploaded again."""
        size = file.stat().st_size
        if size <= self._part_bytes:
            self.put(key, file.read_bytes())
            return
        part_bytes = max(self._part_bytes, -(-size // _MOST_PARTS))
        with explained(self.storage, f"uploading {key}"):
            upload, there = self._upload(key, sha256)
            parts = []
            with file.open("rb") as source:
                for number, content in enumerate(iter(lambda: source.read(part_bytes), b""), 1):
                    tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
                    if there.get(number) != tag:
                        tag = str(
                            self._s3.upload_part(
                                Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=content
                            )["ETag"]
                        )
                    parts.append({"PartNumber": number, "ETag": tag})
            self._s3.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )

    def read(self, key: str) -> Iterator[bytes]:
        """Yield an object's content in pieces; a connection that breaks is taken up where it was."""
        from botocore.exceptions import BotoCoreError, ClientError

        done, tag, attempts = 0, "", 0
        while True:
            more: dict[str, str] = {"Range": f"bytes={done}-", "IfMatch": tag} if done else {}
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=key, **more)
                tag, size = str(answer["ETag"]), done + int(answer["ContentLength"])
                for piece in answer["Body"].iter_chunks(_PIECE):
                    done += len(piece)
                    attempts = 0
                    yield piece
                if done >= size:
                    return
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                    text = f"The object {key} is not in the bucket {self._bucket} any more."
                    raise BackupError("BackupDamaged", text) from None
                raise of_answer(self.storage, f"reading {key}", error) from None
            except BotoCoreError:
                attempts += 1
                # Without an answer in between, botocore itself has tried several times before.
                if not done or attempts >= _ATTEMPTS:
                    with explained(self.storage, f"reading {key}"):
                        raise

    def digest(self, key: str) -> tuple[str, int]:
        """Read an object; return its SHA-256 and its length."""
        digest, size = hashlib.sha256(), 0
        for piece in self.read(key):
            digest.update(piece)
            size += len(piece)
        return digest.hexdigest(), size

    def get_file(self, key: str, file: Path, sha256: str) -> None:
        """Write an object into a file, which gets its name when its digest is right."""
        partial = file.with_name(f".{file.name}.partial")
        digest = hashlib.sha256()
        try:
            with partial.open("wb") as target:
                for piece in self.read(key):
                    digest.update(piece)
                    target.write(piece)
                target.flush()
            if digest.hexdigest() != sha256:
                text = f"The object {key} does not have the SHA-256 that the catalogue says: it was cut off or altered."
                raise BackupError("BackupDamaged", text)
            partial.rename(file)
        except OSError as error:
            raise of_disk(error, str(file.parent)) from None
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, keys: list[str]) -> None:
        """Delete objects; those that are not there do not matter. One by one, for not every store knows the bulk
        request without Content-MD5."""
        for key in keys:
            with explained(self.storage, f"deleting {key}"):
                self._s3.delete_object(Bucket=self._bucket, Key=key)

    def abandon_uploads(self, prefix: str) -> None:
        """Free what uploads that were never completed hold."""
        with explained(self.storage, "looking for broken-off uploads"):
            found = self._s3.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
            for each in found.get("Uploads", ()):
                self._s3.abort_multipart_upload(Bucket=self._bucket, Key=each["Key"], UploadId=each["UploadId"])

    def ask(self, question: str) -> dict[str, Any] | None:
        """Ask for a property of the bucket (`get_bucket_versioning`, say); None where it has none or the store does
        not know the question. Raises BackupError(AccessDenied) where the credentials may not ask."""
        from botocore.exceptions import ClientError

        with explained(self.storage, f"{question.replace('_', ' ')}"):
            try:
                return dict(getattr(self._s3, question)(Bucket=self._bucket))
            except ClientError as error:
                if of_answer(self.storage, question, error).reason == "StorageFailing":
                    return None
                raise

    def _upload(self, key: str, sha256: str) -> tuple[str, dict[int, str]]:
        """Return an upload to go on with, and the parts (number: ETag) that it has."""
        found = self._s3.list_multipart_uploads(Bucket=self._bucket, Prefix=key).get("Uploads", ())
        ours = [each["UploadId"] for each in found if each["Key"] == key]
        if not ours:
            begun = self._s3.create_multipart_upload(Bucket=self._bucket, Key=key, Metadata={"sha256": sha256})
            return str(begun["UploadId"]), {}
        pages = self._s3.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=ours[-1])
        parts = {int(each["PartNumber"]): str(each["ETag"]) for page in pages for each in page.get("Parts", ())}
        return str(ours[-1]), parts


def _client(storage: Storage, access_key: str, secret_key: str) -> Any:
    # Late: it reads the description of S3, which the operator's own commands do not need.
    from botocore.config import Config
    from botocore.session import Session

    verify: bool | str = False if storage.insecure else storage.ca_file or True
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        s3={"addressing_style": "path" if storage.path_style else "virtual", "payload_signing_enabled": True},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="semantic-router-backup",
    )
    return Session().create_client(
        "s3",
        endpoint_url=storage.endpoint,
        region_name=storage.region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=verify,
        config=config,
    )
