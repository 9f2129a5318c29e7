"""Carries backups on demand out, and counts what has come of all of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from semantic_router_operator.api.semantic_cache_backup import KIND, SemanticCacheBackup
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import InvalidResource, parse, parse_backup
from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.events import EventRecorder
from semantic_router_operator.cluster.informer import Informer
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.handlers.snapshots import Snapshotter
from semantic_router_operator.plan.events import Event
from semantic_router_operator.plan.key import API_VERSION, INSTANCE_LABEL, ObjectKey
from semantic_router_operator.plan.reconcile import Desired
from semantic_router_operator.render import backup_names
from semantic_router_operator.render.backup_config import engine_of
from semantic_router_operator.render.backups import job_of, obstacle
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.workflows import migration_status
from semantic_router_operator.workflows.backup_on_demand import ENDED, SeenJob, begun, ended, following, wants_job
from semantic_router_operator.workflows.backup_runs import run_of, running, unread
from semantic_router_operator.workflows.backups import with_backups, with_snapshots
from semantic_router_operator.workflows.migration_objects import in_force
from semantic_router_operator.workflows.snapshots import snapshots_told

Json = dict[str, Any]
Key = tuple[str, str]

# An ended Job whose pod has not said anything is looked at again after this time.
AGAIN_SECONDS = 31.0

_COMPONENTS = (backup_names.COMPONENT, backup_names.DRILL_COMPONENT)

log = structlog.get_logger()


class BackupKeeper:
    """`wake` is called with a router for which there is something to do."""

    def __init__(
        self,
        connection: Connection,
        discovery: Discovery,
        objects: Objects,
        events: EventRecorder,
        namespaces: tuple[str, ...],
        wake: Callable[[Key], None],
    ) -> None:
        self._objects = objects
        self._events = events
        self._wake = wake
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._snapshotter = Snapshotter(connection, discovery, objects, namespaces, self._snapshot_changed)
        self._asked = {
            namespace: Informer(
                connection, discovery, API_VERSION, KIND, namespace or None, "", self._changed, under_its_router
            )
            for namespace in (namespaces or ("",))
        }

    @property
    def informers(self) -> list[Informer]:
        """All of them."""
        return [*self._asked.values(), *self._snapshotter.informers.values()]

    def forget(self, key: Key) -> None:
        """The router is gone."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    def told(
        self,
        raw: Mapping[str, Any],
        desired: Desired,
        children: Sequence[Json],
        pods: Sequence[Json],
        problems: Sequence[str],
        now: datetime,
    ) -> Desired:
        """Return what is desired with the conditions and the status of the backups. `problems` are their Secrets'."""
        if not _has_section(raw):
            return desired
        status = raw.get("status") or {}
        before = status.get("backup") or {}
        if desired.problems:
            return replace(desired, status={**desired.status, "backup": before}) if before else desired
        jobs = [each for each in children if each["kind"] in ("Job", "CronJob")]
        if any(unread(component, jobs, pods, now) for component in _COMPONENTS):
            self._again(_key(raw))
        resource = in_force(parse(raw), migration_status.load(status))
        moving = bool((status.get("migration") or {}).get("step"))
        told = with_backups(resource, desired, before, jobs, pods, now, problems=problems, moving=moving)
        there = self._snapshotter.existing(_key(raw), raw["metadata"]["uid"])
        return with_snapshots(told, snapshots_told(there))

    async def carry_on(
        self,
        key: Key,
        raw: Mapping[str, Any] | None,
        desired: Desired | None,
        facts: ClusterFacts,
        children: Sequence[Json],
        pods: Sequence[Json],
        problems: Sequence[str],
        now: datetime,
    ) -> None:
        """One look at each backup on demand of a router; `raw` and `desired` are None where there is no such router.

        Raises ApiError, UnknownKindError.
        """
        open_ones = [each for each in self._of(key) if not ended(each["status"])]
        if not (open_ones or (raw is not None and _has_section(raw))):
            return
        router = _resource(key, raw, desired)
        if desired is not None and router[0] is not None and router[1] is None:
            await self._snapshotter.carry_on(router[0], desired.status.get("backup") or {}, facts, now)
        jobs = [each for each in children if each["kind"] == "Job"]
        busy = running(backup_names.COMPONENT, jobs)
        for each in open_ones:
            try:
                asked = parse_backup(each)
            except InvalidResource as error:
                log.warning("backup_invalid", namespace=key[0], name=each["metadata"]["name"], reason=str(error))
                continue
            resource, hindered = router
            if hindered is None and resource is not None:
                hindered = _hindered(resource, raw or {}, problems, busy)
            job = next((found for found in jobs if found["metadata"]["name"] == asked.status.get("job")), None)
            seen = SeenJob(job is not None, run_of(job, pods, now) if job is not None else None)
            engine = engine_of(resource, asked.spec.engine) if resource is not None and hindered is None else ""
            status = following(asked, hindered, engine, seen, _limit(resource), now)
            if begun(status) and not begun(asked.status):
                busy = [*busy, str(status["job"])]
            await self._write(each, asked, status)
            if resource is not None and resource.spec.backup is not None and wants_job(status, seen):
                wanted = asked.model_copy(update={"status": status})
                await self._make(key, job_of(resource, wanted, facts, str(status["backupName"])))

    async def _write(self, raw: Json, asked: SemanticCacheBackup, status: Json) -> None:
        if status == asked.status:
            return
        metadata = raw["metadata"]
        own = ObjectKey(API_VERSION, KIND, metadata["namespace"], metadata["name"])
        answer = await self._objects.apply_status(own, metadata["uid"], status)
        self._informer(own.namespace).remember(answer)
        before = next((each["reason"] for each in asked.status.get("conditions") or ()), "")
        condition = status["conditions"][0]
        if condition["reason"] != before:
            bad = status["phase"] in ("Failed", "Pending")
            await self._events.record(
                raw, Event("Warning" if bad else "Normal", condition["reason"], "Backup", status["message"])
            )
            log.info("backup", namespace=own.namespace, name=own.name, phase=status["phase"], message=status["message"])

    async def _make(self, key: Key, job: Json) -> None:
        try:
            await self._objects.create(job)
        except ApiError as error:
            if not error.refusal:
                raise
            # A quota, or a right that is missing: it is tried again, and the log says why.
            log.warning("backup_refused", namespace=key[0], name=job["metadata"]["name"], reason=error.message)
            self._again(key)

    def _again(self, key: Key) -> None:
        self.forget(key)
        self._timers[key] = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._wake, key)

    def _informer(self, namespace: str) -> Informer:
        return self._asked.get(namespace) or self._asked[""]

    def _of(self, key: Key) -> list[Json]:
        found = self._informer(key[0]).of_instance(*key)
        return sorted(found, key=lambda each: (each["metadata"].get("creationTimestamp", ""), each["metadata"]["name"]))

    def _snapshot_changed(self, obj: Json) -> None:
        self._wake((obj["metadata"]["namespace"], obj["metadata"]["labels"][INSTANCE_LABEL]))

    def _changed(self, obj: Json) -> None:
        if not ended(obj["status"]):
            self._wake((obj["metadata"]["namespace"], obj["metadata"]["labels"][INSTANCE_LABEL]))


def _has_section(raw: Mapping[str, Any]) -> bool:
    return (raw.get("spec") or {}).get("backup") is not None


def _key(raw: Mapping[str, Any]) -> Key:
    return raw["metadata"]["namespace"], raw["metadata"]["name"]


def _resource(
    key: Key, raw: Mapping[str, Any] | None, desired: Desired | None
) -> tuple[SemanticRouter | None, tuple[str, str] | None]:
    """The router as it runs, and what keeps the operator from doing anything for it."""
    name = f"SemanticRouter/{key[1]}"
    if raw is None or desired is None:
        return None, ("NoSuchRouter", f"There is no {name} in this namespace.")
    if desired.problems:
        return None, ("RouterInvalid", f"{name} is not valid; its condition ConfigValid says why.")
    resource = in_force(parse(raw), migration_status.load(raw.get("status") or {}))
    if desired.suspended:
        return resource, ("Suspended", f"{name} is suspended (spec.suspend, or the pause annotation).")
    return resource, None


def _hindered(
    resource: SemanticRouter, raw: Mapping[str, Any], problems: Sequence[str], busy: Sequence[str]
) -> tuple[str, str] | None:
    """Why a backup cannot begin now, as reason and sentence."""
    name, status = f"SemanticRouter/{resource.metadata.name}", raw.get("status") or {}
    if resource.spec.backup is None:
        return "NoStore", f"{name} has no spec.backup, which says where its backups go: add it."
    if text := obstacle(resource):
        return "Hindered", f"No backup can be made of {name}: {text}."
    if problems:
        return "SecretInvalid", " ".join(problems)
    if (status.get("migration") or {}).get("step"):
        return "Migrating", f"The cache of {name} is being moved; the backup begins after that."
    if (status.get("restore") or {}).get("step"):
        return "Restoring", f"A backup is being restored into {name}; this one begins after that."
    if busy:
        return "Busy", f"Job/{busy[0]} makes a backup of {name}; this one begins after that."
    return None


def _limit(resource: SemanticRouter | None) -> timedelta:
    backup = resource.spec.backup if resource is not None else None
    return timedelta(seconds=backup.deadline_seconds if backup is not None else 86_400)


def under_its_router(obj: Json) -> Json:
    """What is kept of a SemanticCacheBackup, filed under its router as that one's objects are; of an ended one next
    to nothing."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    kept = ("namespace", "name", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
    router = str(((obj.get("spec") or {}).get("routerRef") or {}).get("name", ""))
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {key: metadata[key] for key in kept if key in metadata} | {"labels": {INSTANCE_LABEL: router}},
        "spec": obj.get("spec") or {},
        "status": {"phase": status["phase"]} if status.get("phase") in ENDED else status,
    }
