"""Which kinds the cluster serves, and under which path."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError

# A kind that was missing is looked for again after this time, or at once when forget() is called.
MISSING_SECONDS = 30.0


@dataclass(frozen=True)
class Resource:
    """How a kind is reached: `path("ns", "name")` is its object's path."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        parts = ["/apis" if "/" in self.api_version else "/api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


class Discovery:
    """Answers from memory; asks the API server once a group version, and again for what was missing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], Resource] = {}
        self._missing_since: dict[str, float] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def resource(self, api_version: str, kind: str) -> Resource:
        """Raises UnknownKindError when the cluster does not serve the kind."""
        if (api_version, kind) not in self._known:
            # The kinds of a group version are asked for at the same time; all wait for the one answer.
            async with self._asking[api_version]:
                asked = self._missing_since.get(api_version)
                if asked is None or time.monotonic() - asked > MISSING_SECONDS:
                    await self._ask(api_version)
        try:
            return self._known[api_version, kind]
        except KeyError:
            raise UnknownKindError(api_version, kind) from None

    async def served(self, kinds: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Those of `kinds` (apiVersion, kind) that the cluster serves."""
        found = set()
        for api_version, kind in kinds:
            try:
                await self.resource(api_version, kind)
                found.add((api_version, kind))
            except UnknownKindError:
                continue
        return frozenset(found)

    def forget(self, group: str | None = None) -> None:
        """Forgets what was missing and what belongs to `group` (all groups: None): a CRD has come or gone."""
        self._missing_since.clear()
        self._known = {
            key: resource
            for key, resource in self._known.items()
            if group is not None and key[0].rpartition("/")[0] != group
        }

    def look_again(self) -> None:
        """What was missing is asked for anew at the next question."""
        self._missing_since.clear()

    async def _ask(self, api_version: str) -> None:
        root = "/apis" if "/" in api_version else "/api"
        try:
            answer = await self._connection.request("GET", f"{root}/{api_version}")
        except ApiError as error:
            if not error.not_found:
                raise
            answer = {}
        self._missing_since[api_version] = time.monotonic()
        for item in answer.get("resources", []):
            if "/" not in item["name"]:
                resource = Resource(api_version, item["kind"], item["name"], bool(item["namespaced"]))
                self._known[api_version, item["kind"]] = resource
