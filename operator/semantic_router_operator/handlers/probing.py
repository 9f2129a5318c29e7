"""When routers and Milvus are asked how they are. What is found wakes a pass only where it has turned.

Asking pods costs the API server nothing, so they are asked often. To ask a Milvus, its Secrets are read, each time anew
so that none of their values is kept; so it is asked seldom while its routers find it well, and at once when they turn.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.handlers.follow import Follower, Key
from semantic_router_operator.plan.probed import MilvusReason, MilvusState, PodState, Probed
from semantic_router_operator.probes import milvus
from semantic_router_operator.probes.router import RouterProbe
from semantic_router_operator.render.milvus_address import MilvusAddress

# Pods that are as they should be, pods of which something is awaited, and those of which it has been for long.
POD_SECONDS, POD_AWAITED_SECONDS, POD_LATE_SECONDS = 30.0, 2.0, 15.0
AWAITED_FOR_SECONDS = 120.0
# A Milvus that lets us in, one that does not, one whose port does not answer (which costs no Secret).
MILVUS_SECONDS, MILVUS_REFUSED_SECONDS, MILVUS_AWAY_SECONDS = 900.0, 600.0, 20.0
_AWAY = frozenset({"AddressUnknown", "Unreachable"})
_THREADS = 4
# All steps of one probe; a name server that does not answer is not limited by the probe itself.
_MILVUS_LIMIT_SECONDS = 60.0

Pods = tuple[tuple[str, str], ...]
ReadSecret = Callable[[str, str], Awaitable[Mapping[str, str] | None]]


@dataclass(frozen=True)
class _Store:
    namespace: str
    address: MilvusAddress


class Prober:
    """`turned` is called with a resource whose pods or Milvus have another state than before; `read_secret` gives a
    Secret's data (base64) or None, and may raise ApiError."""

    def __init__(self, read_secret: ReadSecret, turned: Callable[[Key], None]) -> None:
        self._read_secret = read_secret
        self._turned = turned
        self._pods = Follower[Pods, tuple[PodState, ...]](self._ask_pods, self._pods_pause, self._pods_turned)
        self._stores = Follower[_Store, MilvusState](self._ask_milvus, _milvus_pause, turned)
        self._epochs: dict[Key, str] = {}
        self._podless: set[Key] = set()
        self._down: dict[Key, bool] = {}
        self._routers: RouterProbe | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="milvus-probe")

    def watch_pods(self, key: Key, pods: Pods, epoch: str) -> None:
        """From now on, ask these pods (name, address), which are ready; `epoch` is what they should run."""
        if self._epochs.get(key) != epoch:
            self._epochs[key] = epoch
            self._pods.again(key)
        (self._podless.discard if pods else self._podless.add)(key)
        self._pods.follow(key, pods or None)

    def watch_milvus(self, key: Key, address: MilvusAddress | None) -> None:
        """From now on, ask this Milvus, or none."""
        self._stores.follow(key, _Store(key[0], address) if address is not None else None)

    def found(self, key: Key) -> Probed:
        """What is known now."""
        return Probed(() if key in self._podless else self._pods.found(key), self._stores.found(key))

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self._pods.follow(key, None)
        self._stores.follow(key, None)
        self._epochs.pop(key, None)
        self._down.pop(key, None)
        self._podless.discard(key)

    async def run(self) -> None:
        """Asks until cancelled."""
        self._routers = RouterProbe()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pods.run())
                group.create_task(self._stores.run())
        finally:
            await self._routers.close()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_pods(self, pods: Pods, _: tuple[PodState, ...] | None) -> tuple[PodState, ...] | None:
        if self._routers is None:
            return None
        return tuple(await asyncio.gather(*(self._routers.ask(name, address) for name, address in pods)))

    def _pods_turned(self, key: Key) -> None:
        down = any(pod.store_down for pod in self._pods.found(key) or ())
        if self._down.get(key) != down:
            # They have opened their cache, lost it or got it back: news about Milvus, and perhaps a new collection.
            self._down[key] = down
            self._stores.again(key)
        self._turned(key)

    def _pods_pause(self, key: Key, found: tuple[PodState, ...] | None, age: float) -> float:
        wanted = self._epochs.get(key, "")
        if found is not None and all(_is_well(pod, wanted) for pod in found):
            return POD_SECONDS
        return POD_AWAITED_SECONDS if age < AWAITED_FOR_SECONDS else POD_LATE_SECONDS

    async def _ask_milvus(self, store: _Store, before: MilvusState | None) -> MilvusState | None:
        address, loop = store.address, asyncio.get_running_loop()
        plain = milvus.Target(address.host, address.port)
        if before is not None and before.reason in _AWAY:
            still = await loop.run_in_executor(self._threads, milvus.away, plain)
            if still is not None:
                return still
        try:
            target = await self._target(store, plain)
        except ApiError:
            return None
        if isinstance(target, MilvusState):
            return target
        try:
            async with asyncio.timeout(_MILVUS_LIMIT_SECONDS):
                return await loop.run_in_executor(self._threads, milvus.probe, target, address.collection)
        except TimeoutError:
            text = f"Milvus at {target.address} gives no answer within {_MILVUS_LIMIT_SECONDS:g} s."
            return MilvusState(reachable=False, authenticated=False, reason="NoAnswer", message=text)

    async def _target(self, store: _Store, plain: milvus.Target) -> milvus.Target | MilvusState:
        """The target with its Secrets' values; a finding where they are not there. Raises ApiError."""
        address = store.address
        username = password = ""
        tls = None
        if address.credentials_secret is not None:
            data = await self._read_secret(store.namespace, address.credentials_secret)
            if data is None or not data.keys() >= {"username", "password"}:
                return _lacking("CredentialsMissing", address.credentials_secret, "username and password")
            username, password = (_decoded(data, key).decode(errors="replace") for key in ("username", "password"))
        if address.tls_secret is not None:
            data = await self._read_secret(store.namespace, address.tls_secret)
            if data is None or "ca.crt" not in data:
                return _lacking("CertificateUnusable", address.tls_secret, "ca.crt")
            certificate, key = (
                _decoded(data, name) if address.mutual else b"" for name in ("client.crt", "client.key")
            )
            tls = milvus.Tls(_decoded(data, "ca.crt"), certificate, key, address.server_name)
        return milvus.Target(plain.host, plain.port, address.database, username, password, tls)


def _lacking(reason: MilvusReason, secret: str, keys: str) -> MilvusState:
    return MilvusState(reachable=False, authenticated=False, reason=reason, message=f"Secret/{secret} lacks {keys}.")


def _decoded(data: Mapping[str, Any], key: str) -> bytes:
    return base64.b64decode(data.get(key, ""))


def _is_well(pod: PodState, epoch: str) -> bool:
    here = pod.answered and pod.epoch == epoch and not pod.restart_needed
    return here and not pod.store_down and not pod.reload_problem


def _milvus_pause(_: Key, found: MilvusState | None, age: float) -> float:
    if found is None or found.reason in _AWAY:
        return MILVUS_AWAY_SECONDS
    seen = found.collection
    if seen is not None and (seen.index_type == "" or seen.loaded is False):
        # It may just be about to be made.
        return max(MILVUS_AWAY_SECONDS, min(age, MILVUS_REFUSED_SECONDS))
    return MILVUS_SECONDS if not found.reason else MILVUS_REFUSED_SECONDS
