"""`python -m tests.object_store FOLDER [CERTIFICATE KEY]` serves S3 on a free port of 127.0.0.1.

It prints one line of JSON when it listens: its port, and the keys of users who may do all, only read, or what a backup
needs. Each request is a line of FOLDER/requests. While there is a FOLDER/fault, {"method", "match", ...}, requests
whose path and query have `match` in them are answered by its `status` and `code`; with `stall`, not before the file is
gone, and not carried out; or, with `cut`, the first of them with so many bytes of its answer.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_ACCOUNT = "123456789012"


def main() -> None:
    folder = Path(sys.argv[1])
    certificate = (sys.argv[2], sys.argv[3]) if len(sys.argv) > 3 else None
    os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"
    # Late, because moto reads the environment as it is imported.
    from moto import settings
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *arguments: Any, **named: Any) -> None:
            del arguments, named

    users = {
        "all": _user("all", ["s3:*"]),
        "reader": _user("reader", ["s3:ListBucket", "s3:GetObject"]),
        "writer": _user("writer", ["s3:ListBucket*", "s3:ListMultipart*", "s3:*Object", "s3:AbortMultipartUpload"]),
    }
    application = Faults(DomainDispatcherApplication(create_backend_app), folder)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet, ssl_context=certificate)
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    print(json.dumps({"port": server.port, "users": users}), flush=True)
    server.serve_forever()


def _user(name: str, actions: list[str]) -> list[str]:
    """Make a user who may do this; return its two keys."""
    from moto.iam.models import iam_backends

    iam = iam_backends[_ACCOUNT]["aws"]
    iam.create_user("us-east-1", name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(name, "rights", json.dumps(policy))
    key = iam.create_access_key(name)
    return [key.access_key_id, key.secret_access_key]


class Faults:
    """Stands before the application: writes requests down, and fails or holds those that a test has named."""

    def __init__(self, application: Any, folder: Path) -> None:
        self._application = application
        self._folder = folder
        self._file = folder / "fault"
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        target = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        with self._turn, (self._folder / "requests").open("a", encoding="utf-8") as log:
            log.write(f"{environ['REQUEST_METHOD']} {target}\n")
        fault = self._fault(environ["REQUEST_METHOD"], target)
        if fault is None:
            return self._application(environ, start_response)  # type: ignore[no-any-return]
        if fault.get("stall"):
            (self._folder / "held").touch()
            while self._file.exists():
                time.sleep(0.02)
            fault |= {"status": 503, "code": "SlowDown"}
        if "cut" in fault:
            self._file.unlink()
            return _cut(self._application(environ, start_response), fault["cut"])
        # A client that still sends must be heard out, or it sees only a broken connection.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = f"<Error><Code>{fault['code']}</Code><Message>{fault.get('message', '')}</Message></Error>".encode()
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{fault['status']} Fault", headers)
        return [body]

    def _fault(self, method: str, target: str) -> dict[str, Any] | None:
        try:
            fault: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        fits = method == fault["method"] and fault["match"] in target
        return fault if fits else None


def _cut(answer: Iterable[bytes], size: int) -> Iterable[bytes]:
    """Yield so many bytes; the server closes the connection where the rest should be."""
    for piece in answer:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            raise ConnectionAbortedError


if __name__ == "__main__":
    main()
