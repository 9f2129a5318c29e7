"""Objects by apiVersion, kind and name: read, apply, delete, and the status subresource."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from semantic_router_operator.cluster.connection import ATTEMPTS, Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.plan.key import FIELD_MANAGER, ObjectKey, key_of

Json = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PAGE = "500"


class Objects:
    """Every write is a server-side apply under a field manager of ours; force takes only the fields that we send."""

    def __init__(self, connection: Connection, discovery: Discovery) -> None:
        self._connection = connection
        self.discovery = discovery

    async def get(self, key: ObjectKey) -> Json | None:
        """The object, or None when there is none. Raises ApiError, UnknownKindError."""
        resource = await self.discovery.resource(key.api_version, key.kind)
        try:
            return await self._connection.request("GET", resource.path(key.namespace, key.name))
        except ApiError as error:
            if error.not_found:
                return None
            raise

    async def list_metadata(self, api_version: str, kind: str, namespace: str | None) -> list[Json]:
        """The metadata of all objects of a kind, of one namespace or of all (None). Raises as `list_objects` does."""
        items = await self._items(api_version, kind, namespace, {}, METADATA_LIST, ATTEMPTS)
        return [item["metadata"] for item in items]

    async def list_objects(
        self,
        api_version: str,
        kind: str,
        namespace: str | None,
        query: Mapping[str, str] = MappingProxyType({}),
        attempts: int = ATTEMPTS,
    ) -> list[Json]:
        """All objects of a kind, of one namespace or of all (None). Raises ApiError, UnknownKindError."""
        return await self._items(api_version, kind, namespace, query, "application/json", attempts)

    async def create(self, obj: Mapping[str, Any]) -> bool:
        """Makes the object; False where there is one of that name already. Raises ApiError, UnknownKindError."""
        key = key_of(obj)
        resource = await self.discovery.resource(key.api_version, key.kind)
        try:
            await self._connection.request(
                "POST", resource.path(key.namespace), {"fieldManager": FIELD_MANAGER}, dict(obj)
            )
        except ApiError as error:
            if error.conflict:
                return False
            raise
        return True

    async def merge(self, key: ObjectKey, change: Mapping[str, Any]) -> Json:
        """Changes an object by a merge patch; one that has `metadata.resourceVersion` changes that very state only.

        Raises ApiError (a conflict where it is another by now), UnknownKindError.
        """
        resource = await self.discovery.resource(key.api_version, key.kind)
        path, query = resource.path(key.namespace, key.name), {"fieldManager": FIELD_MANAGER}
        return await self._connection.request("PATCH", path, query, dict(change), content_type=MERGE)

    async def apply(self, obj: Mapping[str, Any], manager: str = FIELD_MANAGER) -> Json:
        """Makes the object so; returns what the server now holds. Raises ApiError, UnknownKindError."""
        return await self._apply(dict(obj), manager, None)

    async def apply_status(self, key: ObjectKey, uid: str, status: Mapping[str, Any]) -> Json:
        """Writes `status`, and only of the object with this uid."""
        body = {
            "apiVersion": key.api_version,
            "kind": key.kind,
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": uid},
            "status": dict(status),
        }
        return await self._apply(body, FIELD_MANAGER, "status")

    async def delete(self, key: ObjectKey, uid: str) -> None:
        """Deletes that very object, in the background; it is no error when it is gone already."""
        resource = await self.discovery.resource(key.api_version, key.kind)
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._connection.request("DELETE", resource.path(key.namespace, key.name), body=body)
        except ApiError as error:
            # Conflict: another object has taken the name since; it is not ours to delete.
            if not (error.not_found or error.conflict):
                raise

    async def _items(
        self, api_version: str, kind: str, namespace: str | None, query: Mapping[str, str], accept: str, attempts: int
    ) -> list[Json]:
        resource = await self.discovery.resource(api_version, kind)
        found: list[Json] = []
        asked = {"limit": PAGE, **query}
        while True:
            path = resource.path(namespace)
            answer = await self._connection.request("GET", path, asked, accept=accept, attempts=attempts)
            found += answer.get("items") or ()
            more = (answer.get("metadata") or {}).get("continue")
            if not more:
                return found
            asked["continue"] = more

    async def _apply(self, body: Json, manager: str, subresource: str | None) -> Json:
        key = key_of(body)
        resource = await self.discovery.resource(key.api_version, key.kind)
        path = resource.path(key.namespace, key.name, subresource)
        query = {"fieldManager": manager, "force": "true"}
        return await self._connection.request("PATCH", path, query, body, content_type=APPLY)
