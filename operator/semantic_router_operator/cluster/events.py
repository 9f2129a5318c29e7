"""Kubernetes Events (events.k8s.io/v1): the same Event again within its life becomes a series, not a new object."""

import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.plan.events import Event
from semantic_router_operator.plan.key import FIELD_MANAGER

# At most one write per equal Event in this time; the API server keeps Events for an hour.
QUIET_SECONDS = 60.0
REMEMBERED = 2000
NOTE_LENGTH = 1000  # bytes allowed by the API: 1024

log = structlog.get_logger()


class EventRecorder:
    """Never raises: an Event that cannot be written must not stop a reconcile."""

    def __init__(self, connection: Connection, instance: str) -> None:
        self._connection = connection
        self._instance = instance[:128]
        self._written: dict[str, float] = {}

    async def record(self, regarding: Mapping[str, Any], event: Event) -> None:
        metadata = regarding["metadata"]
        text = "\n".join((metadata["uid"], event.type, event.reason, event.action, event.note))
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        if time.monotonic() - self._written.get(digest, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        if len(self._written) >= REMEMBERED:
            self._written.clear()
        self._written[digest] = time.monotonic()
        try:
            await self._write(regarding, event, f"{metadata['name'][:200]}.{digest}")
        except ApiError as error:
            log.warning("event_not_written", reason=error.message, event=event.reason)

    async def _write(self, regarding: Mapping[str, Any], event: Event, name: str) -> None:
        metadata = regarding["metadata"]
        collection = f"/apis/events.k8s.io/v1/namespaces/{metadata['namespace']}/events"
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name},
            "eventTime": now,
            "type": event.type,
            "reason": event.reason,
            "action": event.action,
            "note": event.note.encode()[:NOTE_LENGTH].decode(errors="ignore"),
            "reportingController": f"semanticrouter.dev/{FIELD_MANAGER}",
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        }
        try:
            await self._connection.request("POST", collection, body=body)
        except ApiError as error:
            if not error.conflict:
                raise
            existing = await self._connection.request("GET", f"{collection}/{name}")
            count = int((existing.get("series") or {}).get("count", 1)) + 1
            series = {"series": {"count": count, "lastObservedTime": now}}
            await self._connection.request(
                "PATCH", f"{collection}/{name}", body=series, content_type="application/merge-patch+json"
            )
