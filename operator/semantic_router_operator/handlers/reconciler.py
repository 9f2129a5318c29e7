"""The one level-based reconcile: read everything, compute everything, write only the difference."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from semantic_router_operator.api.validate import parse
from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.events import EventRecorder
from semantic_router_operator.cluster.informer import Informer
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.cluster.secrets import ConfigMaps, Secrets
from semantic_router_operator.handlers.backing_up import BackupKeeper
from semantic_router_operator.handlers.desired import desired_of, managed_of_raw, mentions_of, secrets_of
from semantic_router_operator.handlers.diagnosis import Diagnoser
from semantic_router_operator.handlers.managed import Look, ManagedMilvus
from semantic_router_operator.handlers.metrics import tell_backups, tell_conditions
from semantic_router_operator.handlers.migrating import Migrator, Scene
from semantic_router_operator.handlers.probing import Prober
from semantic_router_operator.handlers.restoring import Restorer
from semantic_router_operator.handlers.write import Writer, WriteRefusedError
from semantic_router_operator.plan.availability import AVAILABLE, availability
from semantic_router_operator.plan.findings import ready_pods
from semantic_router_operator.plan.key import API_VERSION, INSTANCE_LABEL, KIND, SELECTOR, ObjectKey, key_of
from semantic_router_operator.plan.probed import Probed
from semantic_router_operator.plan.reconcile import Desired, Plan, plan
from semantic_router_operator.plan.rollback import Rollout, in_force, rollout_of
from semantic_router_operator.plan.secrets import mention_problems, secret_problems
from semantic_router_operator.render import snapshots
from semantic_router_operator.render.deployment import CHECKSUM_ANNOTATION
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.kinds import CHILD_KINDS
from semantic_router_operator.render.milvus_address import rerouted
from semantic_router_operator.workflows.migration_objects import without_rivals
from semantic_router_operator.workflows.restore_status import restoring

Json = dict[str, Any]
Key = tuple[str, str]

KINDS = tuple((each.api_version, each.kind) for each in CHILD_KINDS)
OPTIONAL_KINDS = (
    *((each.api_version, each.kind) for each in CHILD_KINDS if each.optional),
    (snapshots.API_VERSION, snapshots.KIND),
)

# How often it is looked whether the CustomResourceDefinition has been installed.
INSTALLED_SECONDS = 5.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Needs:
    """What is wrong with the Secrets that the resource asks for, and their versions; what is wrong with those of its
    backups; and what was known of the cluster."""

    problems: Sequence[str]
    versions: Mapping[str, str]
    backups: Sequence[str]
    facts: ClusterFacts


class Reconciler:
    """Reads children, pods and Secrets' versions from informers, the resource itself from the API server.

    `wake` is called with a resource whose Secret has changed, `wake_soon` with one whose child or pod has.
    """

    def __init__(
        self,
        connection: Connection,
        namespaces: tuple[str, ...],
        wake: Callable[[Key], None],
        wake_soon: Callable[[Key], None],
        image: str,
        operator_image: str,
        instance: str,
        connect_to: Mapping[str, str],
        diagnose_after_seconds: float,
    ) -> None:
        self._discovery = Discovery(connection)
        self._objects = Objects(connection, self._discovery)
        self._events = EventRecorder(connection, instance)
        self._wake_soon = wake_soon
        self._image = image
        self._operator_image = operator_image
        self.informers = {
            (api_version, kind, namespace): Informer(
                connection,
                self._discovery,
                api_version,
                kind,
                namespace or None,
                SELECTOR,
                self._child_changed,
                appeared=self._wake_all,
            )
            for api_version, kind in KINDS
            for namespace in (namespaces or ("",))
        }
        self._pods = {
            namespace: Informer(
                connection, self._discovery, "v1", "Pod", namespace or None, SELECTOR, self._child_changed, slim_pod
            )
            for namespace in (namespaces or ("",))
        }
        self._secrets = Secrets(connection, self._discovery, self._objects, namespaces, wake)
        self._config_maps = ConfigMaps(connection, self._discovery, self._objects, namespaces, wake)
        self._known: set[Key] = set()
        self._own_versions: dict[Key, int] = {}
        self._rendered: dict[Key, tuple[object, Desired]] = {}
        self._writer = Writer(self._objects, self._remember)
        self._managed = ManagedMilvus(
            connection,
            self._discovery,
            self._objects,
            self._secrets,
            namespaces,
            wake=wake_soon,
            connect_to=connect_to,
        )
        self._connect_to = connect_to
        self._prober = Prober(self._secrets.data, wake_soon)
        self._migrator = Migrator(wake_soon)
        self._backups = BackupKeeper(connection, self._discovery, self._objects, self._events, namespaces, wake_soon)
        self._restorer = Restorer(connection, self._discovery, self._objects, self._events, namespaces, wake_soon)
        self._diagnoser = Diagnoser(connection, wake_soon, diagnose_after_seconds)

    @property
    def watches(self) -> list[Informer]:
        """All informers."""
        referenced = (*self._secrets.informers.values(), *self._config_maps.informers.values())
        return [
            *self.informers.values(),
            *self._pods.values(),
            *referenced,
            *self._managed.informers.values(),
            *self._backups.informers,
            *self._restorer.informers.values(),
        ]

    async def run(self) -> None:
        """Keeps the informers running until cancelled."""
        async with asyncio.TaskGroup() as group:
            for informer in self.watches:
                group.create_task(informer.run())
            group.create_task(self._prober.run())
            group.create_task(self._diagnoser.run())

    async def synced(self) -> None:
        """Returns once every informer has listed its kind."""
        for informer in self.watches:
            await informer.synced.wait()

    async def installed(self) -> None:
        """Returns once the cluster serves SemanticRouter."""
        while True:
            try:
                await self._discovery.resource(API_VERSION, KIND)
                return
            except UnknownKindError as error:
                log.warning("waiting", reason=str(error))
            except ApiError as error:
                log.warning("waiting", reason=error.message)
            await asyncio.sleep(INSTALLED_SECONDS)
            self._discovery.look_again()

    def look_for_kinds(self) -> None:
        """Looks at once for the kinds that were missing; without it that is done every half a minute."""
        self._discovery.look_again()
        for informer in self.watches:
            if not informer.listening:
                informer.poke()

    async def list_versions(self, namespaces: tuple[str, ...]) -> dict[Key, int]:
        """The resourceVersion of every resource."""
        found: dict[Key, int] = {}
        for namespace in namespaces or (None,):
            for metadata in await self._objects.list_metadata(API_VERSION, KIND, namespace):
                found[metadata["namespace"], metadata["name"]] = int(metadata["resourceVersion"])
        return found

    async def reconcile(self, key: Key) -> None:
        """One pass. Raises ApiError, UnknownKindError or WriteRefusedError; the caller tries again later."""
        namespace, name = key
        own = ObjectKey(API_VERSION, KIND, namespace, name)
        raw = await self._objects.get(own)
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            # The garbage collector takes the children, by their owner references.
            self._secrets.forget(key)
            self._config_maps.forget(key)
            self._known.discard(key)
            self._own_versions.pop(key, None)
            self._rendered.pop(key, None)
            self._writer.forget(key)
            self._prober.forget(key)
            tell_conditions(namespace, name, ())
            self._migrator.forget(key)
            self._restorer.forget(key)
            self._managed.forget(key)
            self._diagnoser.forget(key)
            self._backups.forget(key)
            tell_backups(namespace, name, {})
            nothing = (ClusterFacts(), (), (), ())
            await self._backups.carry_on(key, None, None, *nothing, datetime.now(UTC).replace(microsecond=0))
            await self._restorer.tell(key, None, None, datetime.now(UTC).replace(microsecond=0))
            return
        self._known.add(key)
        rollout = rollout_of(raw, self._image, self._children_of(key))
        desired, needs = await self._desired(raw, rollout)
        observed, unseen = await self._observed(raw, desired)
        time = datetime.now(UTC).replace(microsecond=0)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        moved = await self._moved(in_force(raw, rollout)[0], desired, needs, observed, time)
        if moved is not None:
            # Before anything is done about it: whoever takes over after a kill goes on from there.
            told_next = {**(raw.get("status") or {}), **moved}
            kept = {part: value for part, value in told_next.items() if value is not None}
            raw = await self._objects.apply_status(own, raw["metadata"]["uid"], kept)
            desired, needs = await self._desired(raw, rollout)
            observed, unseen = await self._observed(raw, desired)
        await self._restorer.tell(key, raw, desired, time)
        settled = self._writer.settled(key, desired.objects, observed)
        pods = self._pods_of(key)
        probed = replace(self._probed(key, desired), diagnosis=self._diagnoser.found(key))
        todo = plan(raw, desired, observed, now, pods, failed=unseen, settled=settled, probed=probed, rollout=rollout)
        failed = unseen | await self._writer.write(key, todo, observed)
        if desired.managed is not None and desired.managed.claims:
            failed |= await self._managed.grow(key, desired.managed.claims)
        told = todo
        if todo.applies:
            # The status tells what is there now, not what was there before the writes.
            observed, _ = await self._observed(raw, desired)
            told = plan(raw, desired, observed, now, pods, failed=failed, probed=probed, rollout=rollout)
        if told.status is not None:
            result = await self._objects.apply_status(own, raw["metadata"]["uid"], told.status)
            if _same_but_status(raw, result):
                self._own_versions[key] = int(result["metadata"]["resourceVersion"])
            if "rollout" in told.status and not rollout.back:
                self._wake_soon(key)  # it stands in the status now that this state has failed: go back
        tell_conditions(namespace, name, (told.status or raw["status"])["conditions"])
        tell_backups(namespace, name, (told.status or raw["status"]).get("backup") or {})
        self._diagnoser.look(key, (told.status or raw["status"])["conditions"], probed)
        for event in (*todo.reverts, *told.events):
            await self._events.record(raw, event)
        children, backups = self._children_of(key), needs.backups
        await self._backups.carry_on(key, raw, desired, needs.facts, children, pods, backups, time)
        await self._tidied(raw, desired, observed, todo)
        if failed:
            raise WriteRefusedError(" ".join(failed.values()))

    async def _tidied(self, raw: Json, desired: Desired, observed: Mapping[ObjectKey, Json], todo: Plan) -> None:
        """What can be done once every pod of the router is of the present template. Raises ApiError."""
        key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
        leaving = any(pod["metadata"].get("deletionTimestamp") for pod in self._pods_of(key))
        settled = not (todo.applies or leaving) and availability(raw, observed).reason == AVAILABLE
        managed = managed_of_raw(raw) if desired.managed is not None and settled else []
        if managed:
            used = desired.milvus.secret_versions[:1] if desired.milvus is not None else ()
            await self._managed.tidy(managed[0], used[0] if used else None)

    def is_own(self, key: Key, version: int | None) -> bool:
        """Whether this version is but the status that the last pass has written."""
        return version is not None and self._own_versions.get(key) == version

    async def _moved(
        self, raw: Mapping[str, Any], desired: Desired, needs: Needs, observed: Mapping[ObjectKey, Json], now: datetime
    ) -> Json | None:
        """Look at a restore, or else at a migration; what the status is to say of it, None where that stands there.

        While a backup is restored, nothing is moved elsewhere, and the other way round. Raises ApiError.
        """
        if desired.problems or desired.suspended:
            return None
        key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
        managed = desired.managed.conditions if desired.managed is not None else {}
        scene = Scene(desired.objects, observed, self._pods_of(key), needs.problems, needs.versions, managed)
        resource = parse(raw)
        restored = await self._restorer.look(raw, resource, scene, now)
        if restored is not None or restoring(raw.get("status") or {}):
            return restored
        return await self._migrator.look(raw, resource, scene, now)

    async def _desired(self, resource: Json, rollout: Rollout) -> tuple[Desired, Needs]:
        raw, image = in_force(resource, rollout)
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        kinds = frozenset(kind for _, kind in await self._discovery.served(OPTIONAL_KINDS))
        managed = managed_of_raw(raw)
        look = await self._managed.look(raw, managed, kinds, self._children_of(key)) if managed else Look()
        needed = secrets_of(raw)
        mentioned = mentions_of(raw)
        names = {kind: {each.name for each in mentioned if each.kind == kind} for kind in ("Secret", "ConfigMap")}
        found = await self._secrets.states(key, sorted({*needed.all, *names["Secret"], *look.secrets}))
        maps = await self._config_maps.states(key, sorted(names["ConfigMap"]))
        versions = {name: state.version for name, state in found.items()}
        facts = ClusterFacts(
            default_image=image or self._image,
            operator_image=self._operator_image,
            kinds=kinds,
            secret_versions=versions,
            config_map_versions={name: state.version for name, state in maps.items()},
            milvus=look.sent,
            storage=look.storage,
            backups=look.backups,
            awaiting=look.awaiting,
        )
        problems = secret_problems(needed.pods, found) + mention_problems(mentioned, found, maps)
        needs = Needs(
            secret_problems(needed.asked, found),
            {name: versions.get(name, "") for name in sorted(needed.asked)},
            secret_problems(needed.backups, found),
            facts,
        )
        status = raw.get("status") or {}
        moving = (status.get("placement"), status.get("migration"), status.get("restore"))
        annotations = metadata.get("annotations")
        cause = (metadata["uid"], metadata["generation"], annotations, facts, problems, rollout.back, moving)
        known = self._rendered.get(key)
        if known is None or known[0] != cause:
            # Most passes follow from a change of a child: then what is desired is what was desired before.
            self._rendered[key] = known = (cause, desired_of(raw, facts, problems))
        objects, found_managed = without_rivals(known[1].objects, self._pods_of(key)), known[1].managed
        if found_managed is not None:
            found_managed = replace(found_managed, conditions=look.conditions)
        desired = replace(known[1], objects=objects, managed=found_managed)
        pods, now = self._pods_of(key), datetime.now(UTC).replace(microsecond=0)
        return self._backups.told(raw, desired, self._children_of(key), pods, needs.backups, now), needs

    async def _observed(self, raw: Json, desired: Desired) -> tuple[dict[ObjectKey, Json], dict[ObjectKey, str]]:
        """What is there, and a sentence for each object that the operator's role does not let it see."""
        key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
        found: dict[ObjectKey, Json] = {}
        unseen: dict[ObjectKey, str] = {}
        for obj in self._children_of(key):
            found[key_of(obj)] = obj
        # Not in memory: it does not exist, or somebody made it, or took our label from it.
        missing = [key_of(obj) for obj in desired.objects if key_of(obj) not in found]
        for wanted, existing in zip(missing, await asyncio.gather(*map(self._look, missing)), strict=True):
            if isinstance(existing, str):
                unseen[wanted] = existing
            elif existing is not None:
                found[wanted] = existing
        return found, unseen

    async def _look(self, wanted: ObjectKey) -> Json | str | None:
        """The object; None where there is none; a sentence where it may not be seen."""
        try:
            return await self._objects.get(wanted)
        except UnknownKindError:
            return None
        except ApiError as error:
            if not error.refusal:
                raise
            return error.explained(str(wanted))

    def _children_of(self, key: Key) -> list[Json]:
        return [obj for informer in self.informers.values() for obj in informer.of_instance(*key)]

    def _probed(self, key: Key, desired: Desired) -> Probed:
        """What pods and Milvus have said last; both are asked again, and whether the answer turns is heard."""
        if not desired.problems:
            # Of an invalid resource, the last good state runs on.
            self._prober.watch_pods(key, ready_pods(self._pods_of(key)), desired.epoch)
            address = rerouted(desired.milvus, self._connect_to) if desired.milvus is not None else None
            self._prober.watch_milvus(key, address)
        return self._prober.found(key)

    def _pods_of(self, key: Key) -> list[Json]:
        informer = self._pods.get(key[0]) or self._pods[""]
        return informer.of_instance(*key)

    def _wake_all(self) -> None:
        for key in self._known:
            self._wake_soon(key)

    def _remember(self, obj: Json) -> None:
        key = key_of(obj)
        for namespace in (key.namespace, ""):
            informer = self.informers.get((key.api_version, key.kind, namespace))
            if informer is not None:
                informer.remember(obj)

    def _child_changed(self, obj: Json) -> None:
        name = obj["metadata"].get("labels", {}).get(INSTANCE_LABEL)
        if name:
            self._wake_soon((obj["metadata"]["namespace"], name))


def _same_but_status(before: Json, after: Json) -> bool:
    told = ("generation", "annotations", "deletionTimestamp")
    return all(before["metadata"].get(key) == after["metadata"].get(key) for key in told)


def slim_pod(obj: Json) -> Json:
    """What tells why a pod does not run, where it is asked and what it was made for; the rest of hundreds of pods is
    not kept."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    kept = ("namespace", "name", "uid", "resourceVersion", "labels", "deletionTimestamp")
    told = ("podIP", "initContainerStatuses", "containerStatuses", "conditions")
    annotations = metadata.get("annotations") or {}
    made_for = {key: annotations[key] for key in (CHECKSUM_ANNOTATION,) if key in annotations}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {key: metadata[key] for key in kept if key in metadata} | {"annotations": made_for},
        "status": {key: status[key] for key in told if key in status},
    }
