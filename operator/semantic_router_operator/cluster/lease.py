"""Leader election by a coordination.k8s.io/v1 Lease; the protocol is client-go's leaderelection.

A holder renews every 3 s. Others take over when they have seen no renewal for 12 s by their own clock, so clocks of
different machines are never compared. A holder that could not renew for 8 s stops before anybody can take over.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import structlog

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.errors import ApiError

Json = dict[str, Any]
DURATION_SECONDS = 12
RENEW_SECONDS = 3.0
GIVE_UP_SECONDS = 8.0
RETRY_SECONDS = 2.0

log = structlog.get_logger()


class LeaseElection:
    """`await acquire()` returns as the leader; `await hold()` returns when leadership is lost."""

    def __init__(self, connection: Connection, namespace: str, name: str, identity: str) -> None:
        self._connection = connection
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._identity = identity
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = 0.0
        self._renewed_at = 0.0
        self._held: Json | None = None

    async def acquire(self) -> None:
        while True:
            if await self._try():
                break
            await asyncio.sleep(RETRY_SECONDS)
        log.info("leader", lease=self._name, identity=self._identity)

    async def hold(self) -> None:
        while time.monotonic() - self._renewed_at < GIVE_UP_SECONDS:
            await asyncio.sleep(RENEW_SECONDS)
            left = max(0.1, GIVE_UP_SECONDS - (time.monotonic() - self._renewed_at))
            try:
                if not await asyncio.wait_for(self._try(), left) and self._seen[0] != self._identity:
                    break
            except TimeoutError:
                break
        log.error("leadership_lost", lease=self._name)

    async def release(self) -> None:
        """Lets another take over at once; an error is no harm, the Lease then runs out."""
        try:
            lease = await self._connection.request("GET", f"{self._collection}/{self._name}", attempts=1)
            if lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self._connection.request("PUT", f"{self._collection}/{self._name}", body=lease, attempts=1)
        except ApiError as error:
            log.info("lease_not_released", reason=error.message)

    async def _try(self) -> bool:
        started = time.monotonic()
        try:
            taken = await self._take()
        except ApiError as error:
            if not error.conflict:
                log.warning("lease_not_renewed", status=error.status, reason=error.message)
            return False
        if taken:
            self._renewed_at = started
        return taken

    async def _take(self) -> bool:
        if self._held is not None:
            # One request to renew instead of two; whoever has written since makes it a conflict.
            lease, self._held = self._held, None
            lease["spec"] = self._spec(int(lease["spec"]["leaseTransitions"]), lease["spec"]["acquireTime"])
            return await self._put(lease)
        try:
            lease = await self._connection.request("GET", f"{self._collection}/{self._name}", attempts=1)
        except ApiError as error:
            if not error.not_found:
                raise
            body = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name},
                "spec": self._spec(0, None),
            }
            self._held = await self._connection.request("POST", self._collection, body=body, attempts=1)
            self._seen = (self._identity, "")
            return True
        spec = lease.get("spec") or {}
        holder, renewed = str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or "")
        if (holder, renewed) != self._seen:
            self._seen, self._seen_at = (holder, renewed), time.monotonic()
        life = int(spec.get("leaseDurationSeconds") or DURATION_SECONDS)
        if holder not in ("", self._identity) and time.monotonic() - self._seen_at < life:
            return False
        transitions = int(spec.get("leaseTransitions") or 0) + (holder != self._identity)
        since = spec.get("acquireTime") if holder == self._identity else None
        lease["spec"] = self._spec(transitions, since)
        return await self._put(lease)

    async def _put(self, lease: Json) -> bool:
        # The resourceVersion in the body makes this fail with a conflict when another was faster.
        self._held = await self._connection.request("PUT", f"{self._collection}/{self._name}", body=lease, attempts=1)
        self._seen = (self._identity, str(lease["spec"]["renewTime"]))
        return True

    def _spec(self, transitions: int, since: str | None) -> Json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION_SECONDS,
            "acquireTime": since or now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
