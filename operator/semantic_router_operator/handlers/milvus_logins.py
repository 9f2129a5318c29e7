"""The logins of a managed Milvus: Secrets that the operator makes, and the users that they are for."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import structlog

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.cluster.secrets import Secrets
from semantic_router_operator.plan import credentials
from semantic_router_operator.plan.credentials import Login
from semantic_router_operator.plan.key import ObjectKey, owner_of
from semantic_router_operator.probes.milvus import MilvusError, Target
from semantic_router_operator.probes.milvus_users import drop_other_users, provide_users
from semantic_router_operator.render import names
from semantic_router_operator.render.metadata import metadata

Json = dict[str, Any]
Key = tuple[str, str]
# The resource's namespace and name, and the name of its Milvus.
_Milvus = tuple[str, str, str]
# The Milvus, the version of the user's Secret, and the rotation that is asked for.
_Cause = tuple[str, str | None, str]

log = structlog.get_logger()


class MilvusLogins:
    """Remembers for each resource what has been seen to, so that an idle one costs no request."""

    def __init__(self, objects: Objects, secrets: Secrets) -> None:
        self._objects = objects
        self._secrets = secrets
        self._kept: dict[_Milvus, object] = {}
        self._provided: dict[_Milvus, _Cause] = {}
        self._tidied: dict[_Milvus, _Cause] = {}

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        for memory in (self._kept, self._provided, self._tidied):
            for each in [each for each in memory if each[:2] == key]:
                memory.pop(each, None)

    async def keep(self, resource: SemanticRouter, *, retained: bool) -> None:
        """Make the Secrets where they are missing; what is in them stays. `retained` ones outlive the resource, as the
        data does that they are for. Raises ApiError."""
        key = _key(resource)
        owner = None if retained else resource.metadata.uid
        wanted = (names.milvus_root_secret(resource), names.milvus_user_secret(resource))
        there = all(self._secrets.version(key[0], name) is not None for name in wanted)
        if there and self._kept.get(key) == (owner,):
            return
        for name in wanted:
            await self._keep_one(resource, name, owner)
        self._kept[key] = (owner,)

    async def _keep_one(self, resource: SemanticRouter, name: str, owner: str | None) -> None:
        described = metadata(resource, name)
        described["labels"] = {**described["labels"], "app.kubernetes.io/component": "milvus"}
        references = described.pop("ownerReferences", None) if owner is None else described.get("ownerReferences")
        where = ObjectKey("v1", "Secret", resource.metadata.namespace, name)
        there = await self._objects.get(where)
        if there is None:
            login = credentials.new_login()
            values = {"username": login.username} if name == names.milvus_user_secret(resource) else {}
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": described, "type": "Opaque"}
            if await self._objects.create({**secret, "stringData": {**values, "password": login.password}}):
                log.info("secret_made", namespace=where.namespace, name=name)
        elif (owner_of(there) or {}).get("uid") != owner:
            changed = references if owner is not None else None
            await self._objects.merge(where, {"metadata": {"ownerReferences": changed}})

    async def provide(self, raw: Mapping[str, Any], resource: SemanticRouter, uid: str, target: Target) -> None:
        """Make the users in the Milvus `uid`, and the router's anew where a rotation is asked for.

        Raises MilvusError, ApiError.
        """
        key, where = _key(resource), self._user_secret(resource)
        asked = (raw["metadata"].get("annotations") or {}).get(credentials.ROTATE_ANNOTATION, "")
        version = self._secrets.version(where.namespace, where.name)
        if version is not None and self._provided.get(key) == (uid, version, asked):
            return
        user, root = await self._objects.get(where), await self._root(resource)
        if user is None or root is None:
            raise MilvusError("CredentialsMissing", f"{where} or root's is gone; it is made anew.")
        login = login_of(user)
        rotating = credentials.rotation_due(raw, user)
        if not rotating and self._provided.get(key) == (uid, str(user["metadata"]["resourceVersion"]), asked):
            return  # nobody may watch Secrets, so that only now it can be told
        if rotating:
            login = credentials.new_login(login.username)
        await asyncio.to_thread(provide_users, target, _decoded(root, "password"), login)
        if rotating:
            # Milvus lets both users in until every pod has the new one. A kill before this line leaves one unused.
            user = await self._objects.merge(
                where,
                {
                    "metadata": {
                        "resourceVersion": user["metadata"]["resourceVersion"],
                        "annotations": {credentials.ROTATED_ANNOTATION: asked},
                    },
                    "stringData": {"username": login.username, "password": login.password},
                },
            )
        self._provided[key] = (uid, str(user["metadata"]["resourceVersion"]), asked)
        log.info("milvus_user_made", namespace=key[0], name=key[1], user=login.username, rotated=rotating)

    def untidy(self, resource: SemanticRouter, used: str | None) -> bool:
        """Whether there may be users of former rotations that no pod needs. `used` is the version of the user's Secret
        with which every pod runs; None: with none."""
        provided = self._provided.get(_key(resource))
        return provided is not None and self._tidied.get(_key(resource)) != provided and used in (None, provided[1])

    async def tidy(self, resource: SemanticRouter, target: Target) -> None:
        """Remove them. Raises ApiError; what Milvus refuses is tried again at the next change."""
        key = _key(resource)
        provided = self._provided[key]
        root, user = await self._root(resource), await self._objects.get(self._user_secret(resource))
        if root is None or user is None or str(user["metadata"]["resourceVersion"]) != provided[1]:
            return
        login = login_of(user)
        settled = credentials.settled_value(provided[0], login)
        if (root["metadata"].get("annotations") or {}).get(credentials.SETTLED_ANNOTATION) != settled:
            try:
                dropped = await asyncio.to_thread(drop_other_users, target, _decoded(root, "password"), login)
            except MilvusError as error:
                log.warning("milvus_users_kept", namespace=key[0], name=key[1], reason=error.message)
                return
            where = ObjectKey("v1", "Secret", key[0], names.milvus_root_secret(resource))
            await self._objects.merge(where, {"metadata": {"annotations": {credentials.SETTLED_ANNOTATION: settled}}})
            log.info("milvus_users_tidied", namespace=key[0], name=key[1], dropped=dropped)
        self._tidied[key] = provided

    async def _root(self, resource: SemanticRouter) -> Json | None:
        namespace = resource.metadata.namespace
        return await self._objects.get(ObjectKey("v1", "Secret", namespace, names.milvus_root_secret(resource)))

    def _user_secret(self, resource: SemanticRouter) -> ObjectKey:
        return ObjectKey("v1", "Secret", resource.metadata.namespace, names.milvus_user_secret(resource))


def login_of(secret: Mapping[str, Any]) -> Login:
    """What is in the user's Secret."""
    return Login(_decoded(secret, "username"), _decoded(secret, "password"))


def _decoded(secret: Mapping[str, Any], key: str) -> str:
    return base64.b64decode((secret.get("data") or {}).get(key, "")).decode()


def _key(resource: SemanticRouter) -> _Milvus:
    return resource.metadata.namespace, resource.metadata.name, names.milvus(resource)
