"""Referenced Secrets and ConfigMaps: noticed at once by a watch that carries metadata only, read one by one, values
dropped."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.informer import Informer
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.plan.key import ObjectKey
from semantic_router_operator.plan.secrets import SecretState, malformed

Json = dict[str, Any]
Name = tuple[str, str]


class References:
    """Knows of each object of a kind only its name and version, and of a referenced one its keys too.

    `wake` is called with namespace and name of a resource whose object came, changed or went.
    """

    kind: str

    def __init__(
        self,
        connection: Connection,
        discovery: Discovery,
        objects: Objects,
        namespaces: tuple[str, ...],
        wake: Callable[[Name], None],
    ) -> None:
        self._objects = objects
        self._wake = wake
        self._users: dict[Name, set[Name]] = {}
        self._states: dict[Name, SecretState] = {}
        self.informers = {
            namespace: Informer(
                connection, discovery, "v1", self.kind, namespace or None, "", self._changed, slim, metadata_only=True
            )
            for namespace in (namespaces or ("",))
        }

    async def states(self, user: Name, names: list[str]) -> dict[str, SecretState]:
        """The state of those of `names` that exist in the user's namespace; the user is woken when one changes."""
        namespace = user[0]
        wanted = {(namespace, name) for name in names}
        for name, users in list(self._users.items()):
            if user in users and name not in wanted:
                self._release(name, user)
        found: dict[str, SecretState] = {}
        for secret in sorted(wanted):
            self._users.setdefault(secret, set()).add(user)
            state = await self._state(secret)
            if state is not None:
                found[secret[1]] = state
        return found

    def forget(self, user: Name) -> None:
        """The resource is gone."""
        for name, users in list(self._users.items()):
            if user in users:
                self._release(name, user)

    def _release(self, secret: Name, user: Name) -> None:
        self._users[secret].discard(user)
        if not self._users[secret]:
            del self._users[secret]
            self._states.pop(secret, None)

    async def _state(self, secret: Name) -> SecretState | None:
        informer = self.informers.get(secret[0]) or self.informers.get("")
        known = self._states.get(secret)
        if informer is not None and informer.listening:
            seen = informer.get(*secret)
            if seen is None:
                return None
            if known is not None and known.version == seen["metadata"]["resourceVersion"]:
                return known
        raw = await self._objects.get(ObjectKey("v1", self.kind, *secret))
        if raw is None:
            self._states.pop(secret, None)
            return None
        self._states[secret] = state = self._read(raw)
        return state

    def _read(self, raw: Mapping[str, Any]) -> SecretState:
        raise NotImplementedError

    def _changed(self, obj: Json) -> None:
        for user in self._users.get((obj["metadata"]["namespace"], obj["metadata"]["name"]), ()):
            self._wake(user)


class Secrets(References):
    """Of a referenced Secret it is known as well which of its values cannot be used."""

    kind = "Secret"

    async def data(self, namespace: str, name: str) -> dict[str, str] | None:
        """A Secret's values (base64) for one use; nothing of them is kept. None: there is no such Secret."""
        raw = await self._objects.get(ObjectKey("v1", "Secret", namespace, name))
        return dict(raw.get("data") or {}) if raw is not None else None

    def version(self, namespace: str, name: str) -> str | None:
        """Its resourceVersion as the watch has told it; None where there is no such Secret, or no watch."""
        informer = self.informers.get(namespace) or self.informers.get("")
        seen = informer.get(namespace, name) if informer is not None else None
        return str(seen["metadata"]["resourceVersion"]) if seen is not None else None

    def _read(self, raw: Mapping[str, Any]) -> SecretState:
        return state_of(raw)


class ConfigMaps(References):
    """Those of the user's own, not what the operator makes."""

    kind = "ConfigMap"

    def _read(self, raw: Mapping[str, Any]) -> SecretState:
        keys = frozenset({*(raw.get("data") or {}), *(raw.get("binaryData") or {})})
        return SecretState(str(raw["metadata"]["resourceVersion"]), keys)


def slim(obj: Json) -> Json:
    """Name and version; the annotations go, because kubectl apply copies a Secret's values into one of them."""
    metadata = obj["metadata"]
    kept = {key: metadata[key] for key in ("namespace", "name", "uid", "resourceVersion")}
    return {"metadata": kept}


def state_of(raw: Mapping[str, Any]) -> SecretState:
    """What may be known about a Secret's content."""
    keys, bad = set(), {}
    for key, encoded in (raw.get("data") or {}).items():
        keys.add(key)
        try:
            problem = malformed(key, base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            problem = "is not base64"
        if problem is not None:
            bad[key] = problem
    return SecretState(str(raw["metadata"]["resourceVersion"]), frozenset(keys), bad)
