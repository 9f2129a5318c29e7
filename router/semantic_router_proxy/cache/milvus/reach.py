"""The way to a Milvus, step by step, so that the first step that fails says what is wrong.

pymilvus says the same of a server that is away, of a wrong password and of a wrong certificate. Everything here blocks.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pymilvus import MilvusClient

from semantic_router_proxy.cache.milvus.client import Connection, TimeLimited, client_arguments
from semantic_router_proxy.cache.milvus.collection import origin_of, real_name
from semantic_router_proxy.cache.milvus.rows import make_schema
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.milvus import ConnectionConfig, MilvusConfig

# Put to a client; the answer is a sentence.
Question = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step that went well: what was found, and how many seconds it took."""

    name: str
    found: str
    seconds: float


class NotReachedError(Exception):
    """A step failed: `step` is its name, the message a sentence that says what to look at."""

    def __init__(self, step: str, message: str) -> None:
        super().__init__(message)
        self.step = step


def reach(config: MilvusConfig, seconds: float) -> Iterator[Step]:
    """Yield each step after it was taken; each may take so many seconds. Raises NotReachedError. Changes nothing."""
    connection = config.connection
    if connection.uri:
        raise NotReachedError("name", f"connection.uri is {connection.uri}; only host and port can be looked at")
    yield _timed("name", lambda: _look_up(connection))
    yield _timed("port", lambda: _connect(connection, seconds))
    if connection.tls.enabled:
        yield _timed("tls", lambda: _greet(connection, seconds))
    with _asking(config, seconds) as ask:
        yield _timed("login", lambda: ask(lambda client: _log_in(connection, client)))
        yield _timed("collection", lambda: ask(lambda client: _collection(config, client)))


def _timed(name: str, step: Callable[[], str]) -> Step:
    begin = time.monotonic()
    try:
        found = step()
    except StoreUnavailable as error:
        raise NotReachedError(name, str(error)) from None
    return Step(name, found, time.monotonic() - begin)


def _look_up(connection: ConnectionConfig) -> str:
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except OSError as error:
        reason = error.strerror or str(error)
        text = f"the name {connection.host} has no address ({reason}); see connection.host and the cluster's DNS"
        raise NotReachedError("name", text) from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    return f"{connection.host} is {', '.join(addresses)}"


def _open(connection: ConnectionConfig, seconds: float) -> socket.socket:
    address = f"{connection.host}:{connection.port}"
    try:
        return socket.create_connection((connection.host, connection.port), timeout=seconds)
    except TimeoutError:
        text = f"{address} does not answer within {seconds:g} s; a NetworkPolicy may keep this place out"
        raise NotReachedError("port", text) from None
    except OSError as error:
        text = f"{address} refuses connections ({error.strerror or error}); does Milvus run, and at this port?"
        raise NotReachedError("port", text) from None


def _connect(connection: ConnectionConfig, seconds: float) -> str:
    _open(connection, seconds).close()
    return f"{connection.host}:{connection.port} takes connections"


def _greet(connection: ConnectionConfig, seconds: float) -> str:
    tls, name = connection.tls, connection.tls.server_name or connection.host
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise NotReachedError("tls", f"the files of connection.tls cannot be read: {error}") from None
    context.set_alpn_protocols(["h2"])
    try:
        with _open(connection, seconds) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
            return f"the certificate is good for {name} ({secure.version()})"
    except ssl.SSLCertVerificationError as error:
        text = f"the certificate is not good for {name}: {error.verify_message}; see ca_file and server_name"
        raise NotReachedError("tls", text) from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error
        raise NotReachedError("tls", f"{connection.host}:{connection.port} does not speak TLS ({reason})") from None


@contextlib.contextmanager
def _asking(config: MilvusConfig, seconds: float) -> Iterator[Callable[[Question], str]]:
    """Yield what puts a question to one client, connected at the first of them; errors become StoreUnavailable."""
    telling = Connection(config)
    opened: list[MilvusClient] = []

    def ask(question: Question) -> str:
        def asked() -> str:
            if not opened:
                opened.append(MilvusClient(**client_arguments(config.connection) | {"timeout": seconds}))
            return question(TimeLimited(opened[0], seconds, log_requests=False))

        return telling.explained(asked)

    try:
        yield ask
    finally:
        for client in opened:
            client.close()


def _log_in(connection: ConnectionConfig, client: Any) -> str:
    client.list_collections()
    version = str(client.get_server_version()).removeprefix("v")
    who = connection.auth.username or "a token" if connection.auth.enabled else "anybody"
    return f"Milvus {version} lets {who} into database {connection.database}"


def _collection(config: MilvusConfig, client: Any) -> str:
    name = config.collection.name
    real = real_name(client, name)
    if real is None:
        makes = "; the router makes it" if config.development.auto_create_collection else ""
        return f"there is no {name} yet{makes}"
    fields = {field["name"] for field in client.describe_collection(real)["fields"]}
    missing = sorted({field.name for field in make_schema(config.collection, 1).fields} - fields)
    if missing:
        text = f"{real} was not made by this router: it has no field {', '.join(missing)}; see collection.name"
        raise NotReachedError("collection", text)
    rows = int(client.get_collection_stats(real)["row_count"])
    return f"{name} is {real}, {rows} rows, of the embedding model {origin_of(client, real).embedder}"
