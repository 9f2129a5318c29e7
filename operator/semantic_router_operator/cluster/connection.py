"""One connection to the API server: authentication, timeouts, retries. Everything else in cluster/ goes through it."""

import asyncio
import json
import os
import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
import structlog
from kubernetes.aio import client, config

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.metrics import API_REQUESTS

Json = dict[str, Any]
REQUEST_SECONDS = 20.0
ATTEMPTS = 5
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 10.0
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_VALUE = re.compile(r"^Invalid value: .*: ")

log = structlog.get_logger()


class Connection:
    """Sends JSON requests. Answers of 429 and 5xx and lost connections are retried, with Retry-After honoured."""

    def __init__(self, api_client: Any, namespace: str, keep: Any = None) -> None:
        self._client = api_client
        self._keep = keep
        self.namespace = namespace

    @classmethod
    async def open(cls, kubeconfig: Path | None = None) -> Self:
        """Connects by `kubeconfig`, else by the pod's ServiceAccount, else by KUBECONFIG or ~/.kube/config.

        Raises ApiError (status 0) when there is no usable configuration.
        """
        configuration = client.Configuration()
        configuration.connection_pool_maxsize = 100
        in_cluster = kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ
        loader = None
        try:
            if in_cluster:
                config.load_incluster_config(client_configuration=configuration)
                namespace = (SERVICE_ACCOUNT / "namespace").read_text().strip()
            else:
                name = str(kubeconfig) if kubeconfig else None
                loader = await config.load_kube_config(
                    config_file=name, client_configuration=configuration, persist_config=False
                )
                namespace = (loader.current_context.get("context") or {}).get("namespace") or "default"
        except (config.ConfigException, OSError) as error:
            raise ApiError(0, "NoConfiguration", f"No access to a cluster: {error}") from error
        return cls(client.ApiClient(configuration), namespace, loader)

    async def close(self) -> None:
        await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        attempts: int = ATTEMPTS,
    ) -> Json:
        """One request's JSON answer. Raises ApiError when it fails for good or `attempts` are used up."""
        for attempt in range(1, attempts + 1):
            delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (attempt - 1)) * random.uniform(0.8, 1.2)  # noqa: S311
            try:
                response = await self._send(method, path, query, body, content_type, accept, REQUEST_SECONDS)
                data = await response.read()
                API_REQUESTS.labels(method, str(response.status)).inc()
                if response.status < 400:
                    return _decoded(data)
                error = _error(response.status, data)
                delay = max(delay, _retry_after(response.headers.get("Retry-After")))
            except (aiohttp.ClientError, TimeoutError, OSError) as cause:
                API_REQUESTS.labels(method, "none").inc()
                error = ApiError(0, "NoAnswer", f"No answer from the API server: {cause or type(cause).__name__}")
            again = error.status in (0, 429) or error.status >= 500
            if not again or attempt == attempts:
                raise error
            log.debug("api_retry", method=method, path=path, status=error.status, delay_s=round(delay, 2))
            await asyncio.sleep(delay)
        raise AssertionError("unreachable")

    async def date(self) -> float | None:
        """The API server's clock in seconds since 1970, by the Date of its answer. Raises ApiError."""
        try:
            response = await self._send("GET", "/version", None, None, "application/json", "application/json", 5.0)
            await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as cause:
            raise ApiError(0, "NoAnswer", f"No answer from the API server: {cause or type(cause).__name__}") from cause
        header = response.headers.get("Date")
        return parsedate_to_datetime(header).timestamp() if header else None

    async def text(self, path: str, query: Mapping[str, str]) -> str:
        """A plain text, such as a pod's log. Raises ApiError."""
        try:
            response = await self._send("GET", path, query, None, "application/json", "*/*", REQUEST_SECONDS)
            data = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as cause:
            raise ApiError(0, "NoAnswer", f"No answer from the API server: {cause or type(cause).__name__}") from cause
        if response.status >= 400:
            raise _error(response.status, data)
        return str(data.decode(errors="replace"))

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], seconds: float, accept: str = "application/json"
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """A watch: JSON lines as they come, for at most `seconds`. Raises ApiError when it is refused or cut."""
        try:
            response = await self._send("GET", path, query, None, "application/json", accept, seconds)
            API_REQUESTS.labels("WATCH", str(response.status)).inc()
            try:
                if response.status >= 400:
                    raise _error(response.status, await response.read())
                yield _lines(response.content)
            finally:
                response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, "NoAnswer", f"The watch was cut: {error or type(error).__name__}") from error

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Json | None,
        content_type: str,
        accept: str,
        seconds: float,
    ) -> Any:
        headers = {"Content-Type": content_type, "Accept": accept, "User-Agent": "semantic-router-operator"}
        await self._client.update_params_for_auth(headers, None, ["BearerToken"], path, method, body)
        url = f"{self._client.configuration.host}{quote(path)}"
        if query:
            url += "?" + urlencode(query)
        timeout = aiohttp.ClientTimeout(total=seconds, connect=10)
        answer = await self._client.rest_client.request(
            method, url, headers=headers, body=body, _request_timeout=timeout
        )
        return answer.response


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[Json]:
    # Not by readline(): an object of 1.5 MB (etcd's limit) is longer than the reader's line limit.
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield _decoded(line)


def _decoded(data: bytes) -> Json:
    try:
        value = json.loads(data) if data else {}
    except ValueError as error:
        raise ApiError(0, "BadAnswer", f"The API server's answer is not JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def _error(status: int, data: bytes) -> ApiError:
    try:
        answer = json.loads(data)
        causes = tuple(map(_cause, (answer.get("details") or {}).get("causes") or ()))
        message = str(answer.get("message") or f"HTTP {status}")
        return ApiError(status, str(answer.get("reason") or ""), message, causes)
    except (ValueError, AttributeError):
        return ApiError(status, "", data.decode(errors="replace").strip()[:300] or f"HTTP {status}")


def _cause(cause: Json) -> str:
    # "Invalid value: {the whole object}: field is immutable": the value may be long, or not for everybody's eyes.
    text = str(cause.get("message") or "").split("\n")[0]
    return f"{cause.get('field') or 'object'}: {_VALUE.sub('', text)[:300]}"


def _retry_after(header: str | None) -> float:
    # Kubernetes sends seconds, never a date.
    return min(float(header), 60.0) if header and header.isdigit() else 0.0
