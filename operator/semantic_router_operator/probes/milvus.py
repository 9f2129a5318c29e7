"""Asks a Milvus itself: is it reached, over TLS where that is set, with these credentials, and what is in it.

pymilvus says the same sentence of a server that is away, of one that refuses the password and of one with another
certificate. So the way there is walked step by step, and the first step that fails gives the reason.
"""

import contextlib
import logging
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from semantic_router_operator.plan.probed import CollectionState, MilvusReason, MilvusState

if TYPE_CHECKING:
    from pymilvus import MilvusClient

Result = TypeVar("Result")

# Milvus' own error codes: https://github.com/milvus-io/milvus/blob/master/pkg/util/merr/errors.go
_COLLECTION_NOT_FOUND = 100
_DATABASE_NOT_FOUND = 800
_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM texts. Without `ca` the system's authorities count; `certificate` and `key` are for mutual TLS."""

    ca: bytes = b""
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a Milvus is and who asks. `seconds` is the time limit of each step."""

    host: str
    port: int = 19530
    database: str = "default"
    username: str = ""
    password: str = field(default="", repr=False)
    tls: Tls | None = None
    seconds: float = 5.0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


class MilvusError(Exception):
    """A step towards a Milvus, or in it, has failed."""

    def __init__(self, reason: MilvusReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


# What is known of a Milvus that refuses: it was reached.
_BEFORE_REACHED = frozenset({"AddressUnknown", "Unreachable", "NoAnswer"})
_AFTER_AUTHENTICATED = frozenset({"RightMissing", "DatabaseMissing"})


def probe(target: Target, collection: str | None = None) -> MilvusState:
    """Ask once. Blocks for a few times `target.seconds` at most, so call it in a thread; never raises."""
    try:
        with connect(target) as client:
            version = str(client.get_server_version(timeout=target.seconds))
            found = _collection(target, client, collection) if collection is not None else None
            return MilvusState(reachable=True, authenticated=True, version=version, collection=found)
    except MilvusError as error:
        return MilvusState(
            reachable=error.reason not in _BEFORE_REACHED,
            authenticated=error.reason in _AFTER_AUTHENTICATED,
            reason=error.reason,
            message=error.message,
        )


def away(target: Target) -> MilvusState | None:
    """Look at the name and the port alone; None: something listens there. Blocks as `probe` does; never raises."""
    try:
        reach(replace(target, tls=None))
    except MilvusError as error:
        return MilvusState(reachable=False, authenticated=False, reason=error.reason, message=error.message)
    return None


@contextlib.contextmanager
def connect(target: Target) -> Iterator["MilvusClient"]:
    """Yield a client that has been let into its database; whatever it raises inside becomes a MilvusError.

    Its methods take `timeout=target.seconds` each. Raises MilvusError.
    """
    reach(target)
    # Late: pymilvus brings pandas along, and an operator without a Milvus to ask does not pay for it.
    from pymilvus import MilvusClient

    # It writes a stack trace of everything that is told here in a sentence.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="milvus-") as folder:
        arguments = _arguments(target, Path(folder))
        with _explained(target):
            client = MilvusClient(**arguments)
    try:
        with _explained(target):
            # The first request that the database has a part in.
            client.list_collections(timeout=target.seconds)
            yield client
    finally:
        client.close()


def reach(target: Target) -> None:
    """Look the name up, connect, and greet by TLS where it is set. Raises MilvusError."""
    try:
        socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        raise MilvusError("AddressUnknown", f"The name {target.host} has no address.") from None
    try:
        plain = socket.create_connection((target.host, target.port), timeout=target.seconds)
    except TimeoutError:
        text = f"{target.address} does not answer within {target.seconds:g} s."
        raise MilvusError("Unreachable", text) from None
    except OSError as error:
        raise MilvusError("Unreachable", f"{target.address} cannot be reached: {error.strerror or error}.") from None
    with plain:
        if target.tls is not None:
            _greet(target, target.tls, plain)


def _greet(target: Target, tls: Tls, plain: socket.socket) -> None:
    context = _context(tls)
    name = tls.server_name or target.host
    try:
        context.wrap_socket(plain, server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        text = f"The certificate of {target.address} is not good for {name}: {_short(error.verify_message)}."
        raise MilvusError("CertificateRefused", text) from None
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            text = f"{target.address} refuses the client's certificate: {error.reason}."
            raise MilvusError("CertificateRefused", text) from None
        raise MilvusError("TLSNotSpoken", f"{target.address} does not speak TLS.") from None
    except TimeoutError:
        text = f"{target.address} gives no answer to TLS within {target.seconds:g} s."
        raise MilvusError("TLSNotSpoken", text) from None
    except OSError as error:
        raise MilvusError("TLSNotSpoken", f"{target.address} ends the connection at TLS' greeting: {error}.") from None


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=tls.ca.decode("ascii") or None)
    except (ssl.SSLError, ValueError):
        raise MilvusError("CertificateUnusable", "The authority's certificate (ca.crt) cannot be read.") from None
    # Milvus speaks gRPC.
    context.set_alpn_protocols(["h2"])
    if tls.certificate:
        with tempfile.TemporaryDirectory(prefix="milvus-") as folder:
            files = _written(tls, Path(folder))
            try:
                context.load_cert_chain(files["client_pem_path"], files["client_key_path"])
            except (ssl.SSLError, OSError):
                text = "The client's certificate and key (client.crt, client.key) cannot be read or do not fit."
                raise MilvusError("CertificateUnusable", text) from None
    return context


def _arguments(target: Target, folder: Path) -> dict[str, Any]:
    scheme = "http" if target.tls is None else "https"
    host = f"[{target.host}]" if ":" in target.host else target.host
    arguments: dict[str, Any] = {
        "uri": f"{scheme}://{host}:{target.port}",
        "db_name": target.database,
        "timeout": target.seconds,
        # Without this, a second client of the address would take over the first one's credentials and certificates.
        "dedicated": True,
    }
    if target.username:
        arguments["token"] = f"{target.username}:{target.password}"
    if target.tls is not None:
        arguments |= {"secure": True, "server_name": target.tls.server_name or target.host}
        arguments |= _written(target.tls, folder)
    return arguments


def _written(tls: Tls, folder: Path) -> dict[str, str]:
    """The files that pymilvus and ssl want to read, under pymilvus' names."""
    texts = {"ca_pem_path": tls.ca, "client_pem_path": tls.certificate, "client_key_path": tls.key}
    if not tls.certificate:
        texts = {"server_pem_path": tls.ca}
    paths = {}
    for name, text in texts.items():
        if text:
            file = folder / name
            file.touch(mode=0o600)
            file.write_bytes(text)
            paths[name] = str(file)
    return paths


def real_name(client: "MilvusClient", name: str, seconds: float) -> str | None:
    """Return the real collection that bears a name or is behind an alias, None where there is neither."""
    from pymilvus import MilvusException

    try:
        return str(client.describe_collection(name, timeout=seconds)["collection_name"])
    except MilvusException as error:
        if error.code == _COLLECTION_NOT_FOUND:
            return None
        raise


def _collection(target: Target, client: "MilvusClient", name: str) -> CollectionState | None:
    real = real_name(client, name, target.seconds)
    if real is None:
        return None
    rows = _if_allowed(lambda: int(client.get_collection_stats(name, timeout=target.seconds)["row_count"]))
    loaded = _if_allowed(lambda: client.get_load_state(name, timeout=target.seconds)["state"].name == "Loaded")
    index = _if_allowed(lambda: _vector_index(target, client, name)) or {}
    return CollectionState(real, rows, index.get("index_type"), index.get("metric_type"), loaded)


def _vector_index(target: Target, client: "MilvusClient", name: str) -> dict[str, str]:
    for index_name in client.list_indexes(name, timeout=target.seconds):
        found = client.describe_index(name, index_name, timeout=target.seconds)
        if found and found.get("metric_type"):
            return dict(found)
    return {"index_type": ""}


def _if_allowed(ask: Callable[[], Result]) -> Result | None:
    """The answer, or None where the user has no right to it: a router's own needs fewer than a probe would like."""
    import grpc

    try:
        return ask()
    except grpc.RpcError as error:
        if _code(error) == "PERMISSION_DENIED":
            return None
        raise


@contextlib.contextmanager
def _explained(target: Target) -> Iterator[None]:
    """Turns what pymilvus and gRPC raise into a MilvusError."""
    import grpc
    from pymilvus import MilvusException

    try:
        yield
    except grpc.RpcError as error:
        raise _of_rpc(target, error) from None
    except MilvusException as error:
        if isinstance(error.__cause__, grpc.RpcError):
            raise _of_rpc(target, error.__cause__) from None
        if error.code == _DATABASE_NOT_FOUND:
            text = f"Milvus at {target.address} has no database {target.database}; create it there."
            raise MilvusError("DatabaseMissing", text) from None
        raise MilvusError("Failing", f"Milvus at {target.address} fails: {_short(error.message)}.") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise MilvusError("Failing", f"Milvus at {target.address} fails: {_short(error)}.") from None


def _of_rpc(target: Target, error: Any) -> MilvusError:
    code, details = _code(error), _short(error.details() if hasattr(error, "details") else "")
    if code == "UNAUTHENTICATED":
        if not target.username:
            return MilvusError("CredentialsMissing", f"Milvus at {target.address} wants a user name and a password.")
        text = f"Milvus at {target.address} refuses the password of the user {target.username}, or has no such user."
        return MilvusError("CredentialsRefused", text)
    if code == "PERMISSION_DENIED":
        text = f"Milvus at {target.address} denies the user {target.username} a right: {details}."
        return MilvusError("RightMissing", text)
    if code == "DEADLINE_EXCEEDED":
        return MilvusError("NoAnswer", f"Milvus at {target.address} gives no answer within {target.seconds:g} s.")
    if target.tls is None and _speaks_tls(target):
        return MilvusError("TLSRequired", f"{target.address} speaks TLS only.")
    if target.tls is not None and not target.tls.certificate:
        # TLS 1.3 lets a client in first and asks for its certificate after.
        text = f"Milvus at {target.address} ends the connection after TLS' greeting; it may want a client certificate."
        return MilvusError("CertificateRefused", text)
    return MilvusError("Failing", f"Milvus at {target.address} fails: {details or code}.")


def _speaks_tls(target: Target) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    # Only asked whether it speaks TLS; nothing is sent.
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection((target.host, target.port), timeout=target.seconds) as plain,
        context.wrap_socket(plain),
    ):
        return True
    return False


def _code(error: Any) -> str:
    return str(error.code().name) if hasattr(error, "code") else ""


def _short(text: object) -> str:
    return " ".join(str(text or "").split())[:_LONGEST_TEXT].rstrip(".")
