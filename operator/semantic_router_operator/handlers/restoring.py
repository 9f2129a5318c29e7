"""Carries restores on: looks at what the current step has come to, and says what the status is to remember next.

The SemanticRouter's status is what counts; that of each SemanticCacheRestore repeats it for people.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from semantic_router_operator.api.semantic_cache_restore import KIND
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.events import EventRecorder
from semantic_router_operator.cluster.informer import Informer
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.handlers.migrating import WATCH_SECONDS, Scene, reports
from semantic_router_operator.plan.events import Event
from semantic_router_operator.plan.key import API_VERSION, INSTANCE_LABEL, ObjectKey
from semantic_router_operator.plan.reconcile import Desired
from semantic_router_operator.workflows import migration_status, restore_status
from semantic_router_operator.workflows import restore_steps as steps
from semantic_router_operator.workflows.migration import State
from semantic_router_operator.workflows.migration_observing import of_component
from semantic_router_operator.workflows.placement import Placement
from semantic_router_operator.workflows.restore import Restore, begun, carried_on, wake_in
from semantic_router_operator.workflows.restore_objects import current_job
from semantic_router_operator.workflows.restore_observing import job_seen, rollout_seen
from semantic_router_operator.workflows.restore_queue import Answer, Asked, outlook
from semantic_router_operator.workflows.restore_verdicts import Seen

Json = dict[str, Any]
Key = tuple[str, str]

log = structlog.get_logger()


class Restorer:
    """`wake` is called with a router whose restores have something to do."""

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
        self.informers = {
            namespace: Informer(
                connection, discovery, API_VERSION, KIND, namespace or None, "", self._changed, _under_its_router
            )
            for namespace in (namespaces or ("",))
        }

    def forget(self, key: Key) -> None:
        """The router is gone."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    async def look(self, raw: Mapping[str, Any], resource: SemanticRouter, scene: Scene, now: datetime) -> Json | None:
        """Return status.restore where it is to change; None where it stands."""
        status = raw.get("status") or {}
        state, restore = migration_status.load(status), restore_status.load(status)
        key = (resource.metadata.namespace, resource.metadata.name)
        if state.placement is None:
            return None
        following = await self._next(key, resource, state.placement, state, restore, scene, now)
        self._wake_when_due(key, following, now)
        told = restore_status.dump(following)
        if told == {"restore": status.get("restore")}:
            return None
        if following is not None:
            progress = following.progress
            log.info("restore", namespace=key[0], name=key[1], restore=following.name, attempt=progress.attempt,
                     step=progress.step or progress.outcome, message=progress.message)  # fmt: skip
        self._wake(key)
        return told

    async def tell(self, key: Key, raw: Mapping[str, Any] | None, desired: Desired | None, now: datetime) -> None:
        """Write the status of each SemanticCacheRestore of a router; `raw` and `desired` are None where there is no
        such router. Raises ApiError, UnknownKindError."""
        known = {str(each["metadata"]["uid"]): each for each in self._of(key)}
        asked = [each for each in map(Asked.read, known.values()) if not each.ended]
        if not asked:
            return
        status = (raw or {}).get("status") or {}
        state, restore = migration_status.load(status), restore_status.load(status)
        resource, stopped = None, _stopped(key[1], desired)
        if raw is not None and desired is not None and not desired.problems:
            resource = parse(raw)
        answers = outlook(resource, state, restore, asked, stopped, now).answers
        for each in asked:
            await self._tell(known[each.uid], restore, answers.get(each.uid), f"{now:%Y-%m-%dT%H:%M:%SZ}")

    async def _tell(self, raw: Json, restore: Restore | None, answer: Answer | None, now: str) -> None:
        before, metadata = raw.get("status") or {}, raw["metadata"]
        generation = int(metadata.get("generation", 1))
        if restore is not None and restore.uid == metadata["uid"]:
            told = restore_status.mirrored(restore, before, generation, now)
            reason = restore.progress.step or restore.progress.outcome
            bad = reason in steps.BACKWARDS or (told["phase"] == "Failed" and reason != steps.CANCELLED)
        elif answer is not None:
            told = restore_status.unbegun(answer.phase, answer.reason, answer.message, before, generation, now)
            reason, bad = answer.reason, answer.phase == "Failed"
        else:
            return
        if told == before:
            return
        key = ObjectKey(API_VERSION, KIND, metadata["namespace"], metadata["name"])
        await self._objects.apply_status(key, metadata["uid"], told)
        if reason != next((each["reason"] for each in before.get("conditions") or ()), ""):
            await self._events.record(raw, Event("Warning" if bad else "Normal", reason, "Restore", told["message"]))

    async def _next(
        self,
        key: Key,
        resource: SemanticRouter,
        placement: Placement,
        state: State,
        restore: Restore | None,
        scene: Scene,
        now: datetime,
    ) -> Restore | None:
        asked = [Asked.read(each) for each in self._of(key)]
        if restore is not None and restore.running:
            # Without the right to see them nothing is known of their end.
            there = not self._informer(key).listening or any(each.uid == restore.uid for each in asked)
            return carried_on(restore, placement, await self._seen(resource, restore, scene), now, asked=there)
        chosen = outlook(resource, state, restore, asked, "", now).next
        if chosen is None or chosen.spec is None:
            return restore
        return begun(chosen.uid, chosen.name, chosen.spec, placement, now)

    async def _seen(self, resource: SemanticRouter, restore: Restore, scene: Scene) -> Seen:
        routers = of_component(scene.pods, "router")
        desired = next((each for each in scene.desired if each["kind"] == "Deployment"), None)
        deployment = next((obj for key, obj in scene.observed.items() if key.kind == "Deployment"), None)
        name = current_job(resource, restore)
        job = next((obj for key, obj in scene.observed.items() if key.kind == "Job" and key.name == name), None)
        state, said = job_seen(job, scene.pods)
        return Seen(
            job=state,
            said=said,
            rollout=rollout_seen(deployment, desired, scene.pods),
            # Before they are set aside, and while they are on trial.
            pods=await reports(routers) if restore.progress.step in (steps.CHECKING, steps.VALIDATING) else (),
            routers=bool(routers),
            hibernating=resource.hibernating,
        )

    def _wake_when_due(self, key: Key, restore: Restore | None, now: datetime) -> None:
        self.forget(key)
        seconds = wake_in(restore, now)
        if restore is not None and restore.progress.step == steps.VALIDATING:
            seconds = min(WATCH_SECONDS, seconds or WATCH_SECONDS)
        if seconds is not None:
            # Times have whole seconds: a moment later it is surely due.
            self._timers[key] = asyncio.get_running_loop().call_later(seconds + 1.0, self._wake, key)

    def _informer(self, key: Key) -> Informer:
        return self.informers.get(key[0]) or self.informers[""]

    def _of(self, key: Key) -> list[Json]:
        return self._informer(key).of_instance(*key)

    def _changed(self, obj: Json) -> None:
        self._wake((obj["metadata"]["namespace"], obj["metadata"]["labels"][INSTANCE_LABEL]))


def _stopped(name: str, desired: Desired | None) -> str:
    """What keeps the operator from doing anything for a router."""
    if desired is None:
        return f"There is no SemanticRouter {name} in this namespace."
    if desired.problems:
        return f"SemanticRouter/{name} is not valid; its condition ConfigValid says why."
    if desired.suspended:
        return f"SemanticRouter/{name} is suspended (spec.suspend, or the pause annotation): nothing is changed."
    return ""


def _under_its_router(obj: Json) -> Json:
    """What is kept of a SemanticCacheRestore, filed under its router as that one's objects are."""
    metadata = obj["metadata"]
    kept = ("namespace", "name", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
    router = str(((obj.get("spec") or {}).get("routerRef") or {}).get("name", ""))
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {key: metadata[key] for key in kept if key in metadata} | {"labels": {INSTANCE_LABEL: router}},
        "spec": obj.get("spec") or {},
        "status": obj.get("status") or {},
    }
