"""What the operator does for a Milvus that milvus-operator runs: its logins, its volumes, and whether it is ready."""

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from semantic_router_operator.api.semantic_cache_backup import KIND as BACKUP_KIND
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.informer import Informer
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.cluster.secrets import Secrets
from semantic_router_operator.cluster.storage import storage_facts
from semantic_router_operator.handlers.milvus_logins import MilvusLogins
from semantic_router_operator.handlers.recovering import recovered
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.difference import owned_values
from semantic_router_operator.plan.key import INSTANCE_LABEL, ObjectKey, key_of
from semantic_router_operator.plan.managed import managed_milvus
from semantic_router_operator.probes.milvus import MilvusError, Target, Tls
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import BackupState, ClusterFacts, StorageFacts
from semantic_router_operator.render.milvus import KIND, managed_of
from semantic_router_operator.render.milvus import milvus as render_milvus
from semantic_router_operator.render.milvus_config import MILVUS_PORT
from semantic_router_operator.render.milvus_volumes import volume_problem
from semantic_router_operator.render.missing import INSTALL_MILVUS_OPERATOR

Json = dict[str, Any]
Key = tuple[str, str]

OWNED_BY_MILVUS_OPERATOR = "app.kubernetes.io/managed-by=milvus-operator"
# What no watch tells is looked at again after this time.
AGAIN_SECONDS = 10.0


@dataclass(frozen=True)
class Look:
    """What we have sent before as the spec of each Milvus that is there, what volumes there can be, and the condition
    MilvusReady of each as far as it can be told without the router's login, by their names. `secrets` are those of them
    whose changes matter, `backups` those that were asked for before upgrades, `awaiting` the Milvus that cannot be made
    before its volumes have come from snapshots."""

    sent: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    storage: StorageFacts | None = None
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    backups: Mapping[str, BackupState] = field(default_factory=dict)
    awaiting: frozenset[str] = frozenset()


class ManagedMilvus:
    """`wake` is called with a resource that is to be looked at again. `connect_to` leads an address (host:port) to
    another one."""

    def __init__(
        self,
        connection: Connection,
        discovery: Discovery,
        objects: Objects,
        secrets: Secrets,
        namespaces: tuple[str, ...],
        *,
        wake: Callable[[Key], None],
        connect_to: Mapping[str, str],
    ) -> None:
        self._objects = objects
        self._secrets = secrets
        self._wake = wake
        self._connect_to = connect_to
        self.logins = MilvusLogins(objects, secrets)
        self.informers = {
            namespace: Informer(
                connection,
                discovery,
                "apps/v1",
                "Deployment",
                namespace or None,
                OWNED_BY_MILVUS_OPERATOR,
                self._changed,
            )
            for namespace in (namespaces or ("",))
        }
        self._storage: dict[Key, tuple[object, StorageFacts | None]] = {}
        # Whose Milvus it is, where that has another name than its resource.
        self._second: dict[Key, Key] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self.logins.forget(key)
        self._storage.pop(key, None)
        self._second = {milvus: owner for milvus, owner in self._second.items() if owner != key}
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    async def look(
        self,
        raw: Mapping[str, Any],
        resources: Sequence[SemanticRouter],
        kinds: frozenset[str],
        children: Sequence[Json],
    ) -> Look:
        """One look at the Milvus of each of these: one resource, with the one and the other Milvus of a migration.
        `children` are the objects of the resource as they are there. Raises ApiError."""
        if not resources:
            return Look()
        there = {str(each["metadata"]["name"]): each for each in children if each["kind"] == KIND}
        for resource in resources:
            if resource.milvus_name:
                key = resource.metadata.namespace, resource.metadata.name
                self._second[key[0], resource.milvus_name] = key
            managed = managed_of(resource)
            if managed is not None and managed.auth.enabled:
                await self.logins.keep(resource, retained=managed.retained)
        storage = await self._storage_facts(raw, resources[0])
        sent = {name: sent_before(each) for name, each in there.items()}
        backups = {str(each["metadata"]["name"]): _backup(each) for each in children if each["kind"] == BACKUP_KIND}
        held = await self._held(resources[0], kinds, there, storage)
        facts = ClusterFacts(kinds=kinds, milvus=sent, storage=storage, backups=backups, awaiting=frozenset(held))
        conditions = {
            names.milvus(each): await self._readiness(raw, each, facts, there.get(names.milvus(each)))
            for each in resources
            if names.milvus(each) not in held
        }
        secrets = tuple(name for each in resources for name in _secrets(each))
        return Look(sent, storage, {**conditions, **held}, secrets, backups, facts.awaiting)

    async def tidy(self, resource: SemanticRouter, used: str | None) -> None:
        """Once every pod is of the present template: see MilvusLogins.tidy."""
        managed = managed_of(resource)
        if managed is not None and managed.auth.enabled and self.logins.untidy(resource, used):
            await self.logins.tidy(resource, await self.target(resource))

    async def grow(self, key: Key, claims: Sequence[Mapping[str, Any]]) -> dict[ObjectKey, str]:
        """Let claims grow; return a sentence for each that the API server refuses. Raises ApiError."""
        failed = {}
        for claim in claims:
            try:
                await self._objects.apply(claim)
            except ApiError as error:
                if not error.refusal:
                    raise
                failed[key_of(claim)] = error.explained(str(key_of(claim)))
        if claims:
            self._storage.pop(key, None)
        return failed

    async def target(self, resource: SemanticRouter) -> Target:
        """Where its Milvus is, without a login. Raises ApiError."""
        managed, host = managed_of(resource), names.milvus_host(resource)
        address = self._connect_to.get(f"{host}:{MILVUS_PORT}", f"{host}:{MILVUS_PORT}")
        tls = None
        if managed is not None and managed.tls is not None:
            data = await self._secrets.data(resource.metadata.namespace, names.milvus_server_secret(resource)) or {}
            tls = Tls(ca=base64.b64decode(data.get("ca.crt", "")), server_name=host)
        return Target(address.rpartition(":")[0], int(address.rpartition(":")[2]), tls=tls)

    async def _held(
        self,
        resource: SemanticRouter,
        kinds: frozenset[str],
        there: Mapping[str, Json],
        storage: StorageFacts | None,
    ) -> dict[str, Condition]:
        """The one in use, where it is to be made of snapshots and is not ready for that; a second one, to which a
        migration copies entries, begins empty. Raises ApiError."""
        managed, name = managed_of(resource), names.milvus(resource)
        if managed is None or managed.from_snapshots is None or name in there or KIND not in kinds:
            return {}
        if volume_problem(managed, storage):
            return {}
        found = await recovered(self._objects, resource, managed)
        if found is None:
            return {}
        self._again((resource.metadata.namespace, resource.metadata.name))
        return {name: found}

    async def _storage_facts(self, raw: Mapping[str, Any], resource: SemanticRouter) -> StorageFacts | None:
        """Looked up once for each generation of the resource."""
        key = resource.metadata.namespace, resource.metadata.name
        cause = (raw["metadata"]["uid"], raw["metadata"]["generation"])
        known = self._storage.get(key)
        if known is None or known[0] != cause:
            known = (cause, await storage_facts(self._objects, *key))
            self._storage[key] = known
        return known[1]

    async def _readiness(
        self, raw: Mapping[str, Any], resource: SemanticRouter, facts: ClusterFacts, milvus: Json | None
    ) -> Condition:
        managed, key = managed_of(resource), (resource.metadata.namespace, resource.metadata.name)
        if managed is None or KIND not in facts.kinds:
            text = f"spec.milvus.managed waits for milvus-operator: install it by `{INSTALL_MILVUS_OPERATOR}`."
            return Condition("MilvusReady", "False", "OperatorMissing", text)
        if milvus is None and (problem := volume_problem(managed, facts.storage)):
            self._storage.pop(key, None)
            self._again(key)
            return Condition("MilvusReady", "False", "NoStorageClass", problem)
        certificate = names.milvus_server_secret(resource)
        if managed.tls is not None and self._secrets.version(key[0], certificate) is None:
            self._again(key)
            whose = "cert-manager has not made it yet" if managed.tls.issuer_ref is not None else "create it"
            text = f"Secret/{certificate} with Milvus' certificate does not exist: {whose} (tls.crt, tls.key, ca.crt)."
            return Condition("MilvusReady", "False", "CertificateMissing", text)
        informer = self.informers.get(key[0]) or self.informers[""]
        deployments = informer.of_instance(key[0], names.milvus(resource))
        seen = managed_milvus(milvus, render_milvus(resource, facts), deployments)
        if seen.status != "True" or milvus is None or not managed.auth.enabled:
            return seen
        try:
            await self.logins.provide(raw, resource, str(milvus["metadata"]["uid"]), await self.target(resource))
        except MilvusError as error:
            self._again(key)
            return Condition("MilvusReady", "False", error.reason, error.message)
        return seen

    def _changed(self, deployment: Json) -> None:
        """One of milvus-operator's; its label names the Milvus."""
        metadata = deployment["metadata"]
        milvus = (metadata["namespace"], str((metadata.get("labels") or {}).get(INSTANCE_LABEL)))
        self._wake(self._second.get(milvus, milvus))

    def _again(self, key: Key) -> None:
        """Look at it again after a while, once, however often that is asked for."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._wake, key)


def _backup(raw: Mapping[str, Any]) -> BackupState:
    status = raw.get("status") or {}
    return BackupState(str(status.get("phase") or ""), str(status.get("message") or ""))


def _secrets(resource: SemanticRouter) -> list[str]:
    managed = managed_of(resource)
    if managed is None:
        return []
    logins = [names.milvus_root_secret(resource), names.milvus_user_secret(resource)] * managed.auth.enabled
    return [*logins, *([names.milvus_server_secret(resource)] if managed.tls is not None else [])]


def sent_before(milvus: Mapping[str, Any]) -> Mapping[str, Any]:
    """What we have sent as the spec of the Milvus that is there; all of it, where somebody else has made it."""
    ours = owned_values(milvus, "spec")
    return ours if ours is not None else dict(milvus.get("spec") or {})
