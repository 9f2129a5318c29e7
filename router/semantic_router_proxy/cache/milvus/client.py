"""A connection to Milvus: made when it is first needed, called in threads, every call with a time limit."""

import asyncio
import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
import structlog
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from semantic_router_proxy.cache.milvus import lite
from semantic_router_proxy.cache.store import StoreMismatch, StoreUnavailable
from semantic_router_proxy.config.milvus import ConnectionConfig, MilvusConfig

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)

# They write stack traces of errors that we report in a sentence, or expect; the others are Milvus Lite's.
for _name in ("pymilvus", "grpc._server", "milvus_lite"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_CREDENTIALS = "the user name and password (MILVUS_USERNAME, MILVUS_PASSWORD)"
_CERTIFICATES = "the certificates (connection.tls: ca_file, cert_file, server_name)"

# Milvus Lite does not take concurrent writes; a server's calls only wait for the network.
_SERVER_THREADS = 8


def client_arguments(config: ConnectionConfig) -> dict[str, Any]:
    """Return the arguments of pymilvus' MilvusClient for a connection."""
    if config.embedded:
        return {"uri": config.uri}
    scheme = "https" if config.tls.enabled else "http"
    arguments: dict[str, Any] = {
        "uri": config.uri or f"{scheme}://{config.host}:{config.port}",
        "db_name": config.database,
        "timeout": config.timeout,
        # Without this a second client of the same address takes over the first one's channel and its TLS files.
        "dedicated": True,
    }
    if config.auth.enabled:
        token = config.auth.token.get_secret_value()
        arguments["token"] = token or f"{config.auth.username}:{config.auth.password.get_secret_value()}"
    if config.tls.enabled:
        arguments["secure"] = True
        if config.tls.cert_file:
            arguments |= {
                "client_pem_path": config.tls.cert_file,
                "client_key_path": config.tls.key_file,
                "ca_pem_path": config.tls.ca_file,
            }
        elif config.tls.ca_file:
            arguments["server_pem_path"] = config.tls.ca_file
        arguments["server_name"] = config.tls.server_name or config.host
    return arguments


class TimeLimited:
    """A MilvusClient whose every request has a time limit; several of pymilvus' own would wait without end."""

    _ASK_NOTHING = frozenset({"create_schema", "prepare_index_params"})

    def __init__(self, client: MilvusClient, seconds: float, log_requests: bool) -> None:
        self._client = client
        self._seconds = seconds
        self._log_requests = log_requests

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name in self._ASK_NOTHING:
            return method
        limited = functools.partial(method, timeout=self._seconds)
        return functools.partial(_logged, name, limited) if self._log_requests else limited


def _logged(name: str, request: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Make a request and log how long it took; never what was asked or answered."""
    begin = time.perf_counter()
    failed = True
    try:
        result = request(*arguments, **named)
        failed = False
        return result
    finally:
        _log.info("milvus_request", request=name, failed=failed, ms=round((time.perf_counter() - begin) * 1e3, 1))


class Connection:
    """Runs functions of a MilvusClient in threads and turns whatever goes wrong into StoreUnavailable."""

    def __init__(self, config: MilvusConfig) -> None:
        self._config = config.connection
        self._verbose = config.development.verbose_errors
        self._log_requests = config.logging.enable_query_log
        if config.logging.level is not None:
            logging.getLogger("pymilvus").setLevel(config.logging.level.upper())
        self._client: MilvusClient | None = None
        self._connecting = threading.Lock()
        self._threads = ThreadPoolExecutor(1 if self._config.embedded else _SERVER_THREADS, thread_name_prefix="milvus")

    @property
    def address(self) -> str:
        return self._config.uri or f"{self._config.host}:{self._config.port}"

    async def run(self, call: Callable[[MilvusClient], Result], seconds: float, requests: int = 1) -> Result:
        """Return what the call returns; each of its `requests` to Milvus may take so many seconds.

        Raises StoreUnavailable, and StoreMismatch where the call does.
        """
        limit = seconds * requests
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit):
                return await loop.run_in_executor(self._threads, self._run, call, seconds)
        except TimeoutError:
            raise StoreUnavailable(f"Milvus at {self.address} gave no answer within {limit:g} s") from None

    def _run(self, call: Callable[[MilvusClient], Result], seconds: float) -> Result:
        def connected() -> Result:
            with self._connecting:
                if self._client is None:
                    self._client = self._connect()
            return call(TimeLimited(self._client, seconds, self._log_requests))

        return self.explained(connected)

    def explained(self, call: Callable[[], Result]) -> Result:
        """Return what the call returns; what a client raises in it is told in a sentence, by StoreUnavailable."""
        try:
            return call()
        except (StoreMismatch, StoreUnavailable):
            raise
        except (MilvusException, grpc.RpcError, OSError, ValueError, RuntimeError) as error:
            raise StoreUnavailable(f"Milvus at {self.address}: {self._reason(error)}") from error

    def _connect(self) -> MilvusClient:
        if not self._config.embedded:
            return MilvusClient(**client_arguments(self._config))
        lite.use_file(self._config.uri)
        try:
            return MilvusClient(**client_arguments(self._config))
        except BaseException:
            lite.leave_file(self._config.uri)
            if lite.held_elsewhere(self._config.uri):
                raise StoreMismatch(
                    f"{self._config.uri} is open in another process; Milvus Lite serves one at a time. Stop the router "
                    "that uses it, or use a Milvus server for several"
                ) from None
            raise

    def _reason(self, error: Exception) -> str:
        if isinstance(error, MilvusException):
            text = str(error.message)
        elif isinstance(error, grpc.RpcError) and hasattr(error, "details"):
            text = str(error.details())
        else:
            text = str(error) or type(error).__name__
        if "auth" in text.lower() or "permission" in text.lower():
            text += f"; check {_CREDENTIALS}"
        elif "illegal connection params" in text:
            # pymilvus says the same of a server that is away and of one that refuses credentials or certificates.
            doubtful = [_CREDENTIALS] if self._config.auth.enabled else []
            doubtful += [_CERTIFICATES] if self._config.tls.enabled else []
            text = "cannot be reached" + (f"; if it is up, check {' and '.join(doubtful)}" if doubtful else "")
        return text if self._verbose else text.splitlines()[0][:300]

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._disconnect, client)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _disconnect(self, client: MilvusClient) -> None:
        client.close()
        if self._config.embedded:
            lite.leave_file(self._config.uri)
