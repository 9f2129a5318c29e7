"""A kind's objects kept in memory by list and watch, as client-go's reflector does."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.metrics import WATCH_RESTARTS
from semantic_router_operator.cluster.objects import METADATA, METADATA_LIST, PAGE
from semantic_router_operator.plan.key import FIELD_MANAGER, INSTANCE_LABEL

Json = dict[str, Any]
Name = tuple[str, str]
Changed = Callable[[Json], None]
WATCH_SECONDS = 300
# The server ends a watch by itself; a connection that stays silent for longer than this beyond it is dead.
SILENCE_SECONDS = 30
LONGEST_PAUSE_SECONDS = 10.0
REFUSED_PAUSE_SECONDS = 60.0

log = structlog.get_logger()


class Informer:
    """Objects of one kind with our label; `changed` is called with each object that came, changed or went.

    `namespace` None watches all. `slim` says what is kept of an object. With `metadata_only` the API server sends
    nothing else. A kind that the cluster does not serve is looked for again every 30 s, or at once after
    Discovery.forget() and poke(); `appeared` is called when it is served. What the role refuses counts as empty.
    """

    def __init__(
        self,
        connection: Connection,
        discovery: Discovery,
        api_version: str,
        kind: str,
        namespace: str | None,
        selector: str,
        changed: Changed,
        slim: Callable[[Json], Json] | None = None,
        metadata_only: bool = False,
        appeared: Callable[[], None] | None = None,
    ) -> None:
        self.api_version = api_version
        self.kind = kind
        self.synced = asyncio.Event()
        self.listening = False
        self.last_contact = time.monotonic()
        self._accept = ("application/json", "application/json")
        if metadata_only:
            self._accept = (METADATA_LIST, METADATA)
        self._slim = slim or self._typed
        self._appeared = appeared
        self._unknown = False
        self._connection = connection
        self._discovery = discovery
        self._namespace = namespace
        self._selector = selector
        self._changed = changed
        self._objects: dict[Name, Json] = {}
        self._instances: dict[Name, set[Name]] = {}
        self._version = ""
        self._poked = asyncio.Event()

    def get(self, namespace: str, name: str) -> Json | None:
        return self._objects.get((namespace, name))

    def of_instance(self, namespace: str, instance: str) -> list[Json]:
        """The objects that carry the instance's label, by name."""
        names = self._instances.get((namespace, instance), ())
        return [self._objects[name] for name in sorted(names)]

    def remember(self, obj: Json) -> None:
        """Takes the answer to one of our own writes, so that the next pass does not act on an older state."""
        self._store(self._slim(obj))

    def poke(self) -> None:
        """Ends a pause before its time."""
        self._poked.set()

    async def run(self) -> None:
        """Lists and watches until cancelled; never raises an API error."""
        pause = 0.5
        while True:
            cause = "end"
            try:
                resource = await self._discovery.resource(self.api_version, self.kind)
                path = resource.path(self._namespace)
                if not self._version:
                    await self._list(path)
                if self._unknown and self._appeared is not None:
                    self._appeared()
                self._unknown = False
                pause = 0.5
                await self._watch(path)
                continue
            except UnknownKindError:
                self._replace({})
                self.synced.set()
                self._unknown, self.listening = True, False
                self._version, cause = "", "unknown"
                self.last_contact = time.monotonic()
                pause = 30.0
            except ApiError as error:
                cause = "expired" if error.expired else "error"
                if error.expired or error.not_found or error.status == 403:
                    self._version = ""
                if error.status == 403:
                    # A role narrower than ours: go on without, and see now and then whether it has been widened.
                    self.listening, self.last_contact, pause = False, time.monotonic(), REFUSED_PAUSE_SECONDS
                    self.synced.set()
                if error.not_found:
                    self._discovery.forget(self.api_version.rpartition("/")[0])
                if not error.expired:
                    log.warning("watch_failed", kind=self.kind, status=error.status, reason=error.message)
            WATCH_RESTARTS.labels(self.kind, cause).inc()
            await self._pause(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def _pause(self, seconds: float) -> None:
        self._poked.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._poked.wait(), seconds)

    async def _list(self, path: str) -> None:
        found: dict[Name, Json] = {}
        query = {"labelSelector": self._selector, "limit": PAGE} if self._selector else {"limit": PAGE}
        version = ""
        while True:
            answer = await self._connection.request("GET", path, query, accept=self._accept[0])
            # An empty list of metadata has null for its items.
            for item in answer.get("items") or ():
                obj = self._slim(item)
                found[_name(obj)] = obj
            version = answer["metadata"]["resourceVersion"]
            more = answer["metadata"].get("continue")
            if not more:
                break
            query["continue"] = more
        self._replace(found)
        self._version = version
        self.last_contact = time.monotonic()
        self.listening = True
        self.synced.set()

    async def _watch(self, path: str) -> None:
        query = {
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        if self._selector:
            query["labelSelector"] = self._selector
        async with self._connection.stream(path, query, WATCH_SECONDS + SILENCE_SECONDS, self._accept[1]) as events:
            self.last_contact = time.monotonic()
            async for event in events:
                self.last_contact = time.monotonic()
                self._take(event)

    def _take(self, event: Json) -> None:
        kind, item = event["type"], event["object"]
        if kind == "ERROR":
            raise ApiError(int(item.get("code") or 500), str(item.get("reason")), str(item.get("message")))
        self._version = item["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return
        obj = self._slim(item)
        if kind == "DELETED":
            if _name(obj) in self._objects:
                self._drop(_name(obj))
                self._changed(obj)
        elif self._store(obj):
            self._changed(obj)

    def _typed(self, item: Json) -> Json:
        """The object with its type (lists leave it out), and without the managers that we never look at."""
        obj = {"apiVersion": self.api_version, "kind": self.kind, **item}
        fields = obj["metadata"].get("managedFields")
        if fields:
            kept = [f for f in fields if f.get("manager") == FIELD_MANAGER or f.get("subresource") != "status"]
            obj["metadata"] = {**obj["metadata"], "managedFields": kept}
        return obj

    def _store(self, obj: Json) -> bool:
        before = self._objects.get(_name(obj))
        # Comparable as numbers since Kubernetes 1.35 (KEP-5504), and in fact with every etcd before.
        if (
            before is not None
            and before["metadata"]["uid"] == obj["metadata"]["uid"]
            and int(_version(before)) >= int(_version(obj))
        ):
            return False
        self._put(obj)
        return True

    def _replace(self, found: dict[Name, Json]) -> None:
        before = dict(self._objects)
        for name in before.keys() - found.keys():
            self._drop(name)
            self._changed(before[name])
        for name, obj in found.items():
            old = before.get(name)
            if old is None or _version(old) != _version(obj):
                self._put(obj)
                self._changed(obj)

    def _put(self, obj: Json) -> None:
        name = _name(obj)
        if name in self._objects:
            self._drop(name)
        self._objects[name] = obj
        if instance := _instance(obj):
            self._instances.setdefault((name[0], instance), set()).add(name)

    def _drop(self, name: Name) -> None:
        obj = self._objects.pop(name)
        if instance := _instance(obj):
            names = self._instances[name[0], instance]
            names.discard(name)
            if not names:
                del self._instances[name[0], instance]


def _name(obj: Mapping[str, Any]) -> Name:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _instance(obj: Mapping[str, Any]) -> str | None:
    instance: str | None = (obj["metadata"].get("labels") or {}).get(INSTANCE_LABEL)
    return instance


def _version(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"]["resourceVersion"])
