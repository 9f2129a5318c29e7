"""Calls to providers: pooled connections, retries before the first byte, failover, cancellation."""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from semantic_router_proxy.upstream.budget import RetryBudget
from semantic_router_proxy.upstream.errors import UpstreamError
from semantic_router_proxy.upstream.provider import Endpoint, Provider, Target

# 529 is how Anthropic says that it is overloaded.
RETRIED_STATUSES = frozenset({500, 502, 503, 504, 529})
_BACKOFF_SECONDS = 0.05
_LONGEST_BACKOFF_SECONDS = 1.0
_ANTHROPIC_VERSION = "2023-06-01"


@dataclass(frozen=True, slots=True)
class Call:
    """What a target is sent: a path below its base URL, and a body. `native`: in Anthropic's protocol."""

    path: str
    body: bytes
    native: bool = False


# None: what is asked cannot be said to this target, and the next one has its turn.
CallFor = Callable[[Target], Call | None]


class Exchange:
    """An answer whose first byte is here. Use as `async with`; leaving early closes the connection, which tells the
    provider to stop."""

    def __init__(
        self, target: Target, endpoint: Endpoint, response: aiohttp.ClientResponse, first: bytes, seconds: float
    ) -> None:
        self.target = target
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.first_byte_seconds = seconds
        self._endpoint = endpoint
        self._response = response
        self._first = first
        self._open = True

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises UpstreamError where it breaks off."""
        if self._first:
            yield self._first
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except TimeoutError:
            raise UpstreamError(f"provider {self.target.provider.name} stopped sending", timeout=True) from None
        except aiohttp.ClientError:
            raise UpstreamError(f"provider {self.target.provider.name} closed the connection mid-answer") from None

    async def read(self) -> bytes:
        """Return the whole body. Raises UpstreamError."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            # At the end of the body the connection has gone back to the pool already, and this does nothing.
            self._response.close()
            _left(self.target.provider, self._endpoint)


class UpstreamClient:
    """One pool of connections for all providers. Only the addresses of the configuration are ever called: redirects
    are not followed, and no part of a request can change the host."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._budget = RetryBudget()
        self.on_attempt: Callable[[str, str], None] = lambda model, outcome: None

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent",),
            )
        return self._session

    async def open(self, targets: Sequence[Target], call_for: CallFor, headers: Mapping[str, str]) -> Exchange:
        """POST to the first target that answers; return the answer, whatever its status.

        A target is asked again (at another endpoint, where it has one) while its provider's retries and the budget
        last, then the next target has its turn. Raises UpstreamError where nobody answers.
        """
        self._budget.earn()
        problem = UpstreamError("no provider is configured")
        for number, target in enumerate(targets):
            last = number == len(targets) - 1
            call = call_for(target)
            if call is None:
                continue
            result = await self._ask(target, call, headers, last=last)
            if isinstance(result, Exchange):
                return result
            problem = result
        raise problem

    async def get_json(self, provider: Provider, path: str) -> object:
        """GET a JSON document of a provider. Raises UpstreamError."""
        endpoint = provider.endpoints[0]
        timeout = aiohttp.ClientTimeout(total=10, sock_connect=provider.config.connect_timeout_seconds)
        try:
            async with self._connected().get(
                endpoint.base_url + path, headers=_asking(provider), timeout=timeout, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise UpstreamError(f"provider {provider.name} answered {response.status} to {path}")
                document: object = await response.json(content_type=None)
                return document
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UpstreamError(f"provider {provider.name} cannot be asked: {type(error).__name__}") from None

    async def is_alive(self, provider: Provider, endpoint: Endpoint) -> bool:
        """Ask an endpoint what its provider's health check asks; any answer below 500 is a sign of life."""
        check = provider.config.health_check
        if check is None:
            return True
        timeout = aiohttp.ClientTimeout(total=check.timeout_seconds)
        try:
            async with self._connected().get(
                endpoint.base_url + check.path, headers=_asking(provider), timeout=timeout, allow_redirects=False
            ) as response:
                return response.status < 500
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _ask(
        self, target: Target, call: Call, headers: Mapping[str, str], *, last: bool
    ) -> Exchange | UpstreamError:
        provider = target.provider
        tried: set[Endpoint] = set()
        sent = _headers(provider, headers, native=call.native)
        problem: UpstreamError | None = None
        for attempt in range(provider.config.retries + 1):
            if provider.saturated:
                return UpstreamError(
                    f"provider {provider.name} already has {provider.config.max_concurrency} calls running",
                    saturated=True,
                )
            endpoint = provider.pick(tried)
            if endpoint is None:
                return problem or _left_alone(provider)
            final = attempt == provider.config.retries
            if endpoint in tried:
                # Nobody else to ask: give the same server a moment.
                pause = min(_LONGEST_BACKOFF_SECONDS, _BACKOFF_SECONDS * 2**attempt)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, hides nothing
            tried.add(endpoint)
            try:
                exchange = await self._once(target, endpoint, call, sent)
            except UpstreamError as error:
                self.on_attempt(target.model.name, "timeout" if error.timeout else "unreachable")
                problem = error
                # A server that was silent for its whole read timeout has had its chance; so has the client's patience.
                if error.timeout or final or not self._budget.spend():
                    return problem
                continue
            self.on_attempt(target.model.name, str(exchange.status))
            elsewhere = not last or len(tried) < len(provider.endpoints)
            again = exchange.status in RETRIED_STATUSES or (exchange.status == 429 and elsewhere)
            if not again:
                return exchange
            if final or not self._budget.spend():
                if last:
                    return exchange
                exchange.close()
                return UpstreamError(f"provider {provider.name} answered {exchange.status}")
            if exchange.status == 429 and len(tried) == len(provider.endpoints):
                exchange.close()
                return UpstreamError(f"provider {provider.name} answered 429")
            exchange.close()
        return problem or _left_alone(provider)

    async def _once(self, target: Target, endpoint: Endpoint, call: Call, headers: Mapping[str, str]) -> Exchange:
        """Ask one endpoint once; return when the first byte of the body is here."""
        provider = target.provider
        begin = time.monotonic()
        endpoint.breaker.begin(begin)
        endpoint.running += 1
        provider.running += 1
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._connected().post(
                endpoint.base_url + call.path,
                data=call.body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(
                    total=provider.config.total_timeout_seconds,
                    sock_connect=provider.config.connect_timeout_seconds,
                    sock_read=provider.config.read_timeout_seconds,
                ),
                allow_redirects=False,
            )
            first = await response.content.readany()
        except BaseException as error:
            if response is not None:
                response.close()
            _left(provider, endpoint)
            if isinstance(error, TimeoutError):
                endpoint.breaker.failed(time.monotonic())
                raise UpstreamError(f"provider {provider.name} did not answer in time", timeout=True) from None
            if isinstance(error, aiohttp.ClientError | OSError):
                endpoint.breaker.failed(time.monotonic())
                raise UpstreamError(f"provider {provider.name} cannot be reached") from None
            endpoint.breaker.abandoned()
            raise
        if response.status >= 500:
            endpoint.breaker.failed(time.monotonic())
        else:
            endpoint.breaker.succeeded()
        return Exchange(target, endpoint, response, first, time.monotonic() - begin)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(aiohttp.ClientError):
                await session.close()


def _left_alone(provider: Provider) -> UpstreamError:
    now = time.monotonic()
    seconds = min(endpoint.breaker.closed_for(now) for endpoint in provider.endpoints)
    return UpstreamError(
        f"provider {provider.name} is left alone after repeated failures; it is tried again in {math.ceil(seconds)} s",
        retry_seconds=seconds,
    )


def _left(provider: Provider, endpoint: Endpoint) -> None:
    endpoint.running -= 1
    provider.running -= 1


def _asking(provider: Provider) -> dict[str, str]:
    """Return the headers of a question that no caller has asked."""
    return _headers(provider, {}, native=provider.config.messages_api == "only")


def _headers(provider: Provider, passed: Mapping[str, str], *, native: bool = False) -> dict[str, str]:
    """Return the headers of a call. The provider's own key replaces the caller's; without one the caller's goes on.

    A credential goes where the protocol of the call looks for it: Anthropic's in `x-api-key`.
    """
    headers = {"content-type": "application/json", **passed}
    if provider.keys.configured:
        headers.pop("authorization", None)
        headers.pop("x-api-key", None)
        key = provider.keys.read()
        if key:
            headers |= {"x-api-key": key} if native else {"authorization": f"Bearer {key}"}
    if native:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if "anthropic-version" not in headers and scheme.lower() == "bearer":
            # A client of another protocol means its key; one of Anthropic's may mean a token, which stays as it is.
            del headers["authorization"]
            headers.setdefault("x-api-key", token.strip())
        headers.setdefault("anthropic-version", _ANTHROPIC_VERSION)
        return headers
    own = headers.pop("x-api-key", "")
    if own:
        headers.setdefault("authorization", f"Bearer {own}")
    for name in ("anthropic-version", "anthropic-beta"):
        headers.pop(name, None)
    return headers
