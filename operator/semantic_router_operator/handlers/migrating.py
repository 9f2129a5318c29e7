"""Carries migrations on: looks at what the current step has come to, and says what the status is to remember next."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import structlog

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.key import ObjectKey
from semantic_router_operator.probes import traffic
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.migration import Migration, State, cause_of, decide, steps_of, wake_in
from semantic_router_operator.workflows.migration_objects import current_job, with_modes
from semantic_router_operator.workflows.migration_observing import addresses, job_state, of_component, rollout_state
from semantic_router_operator.workflows.migration_status import dump, load
from semantic_router_operator.workflows.migration_verdicts import Observation, PodReport

Json = dict[str, Any]
Key = tuple[str, str]

# How often pods are asked for their failures while they are watched.
WATCH_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Scene:
    """What a pass has at hand. `desired` and `observed` are the objects of the placement in force and those that are
    there; `obstacles` say what the target lacks; `secret_versions` are those of the Secrets that the target needs.
    `managed` is the condition of each managed Milvus by its name."""

    desired: Sequence[Mapping[str, Any]]
    observed: Mapping[ObjectKey, Mapping[str, Any]]
    pods: Sequence[Mapping[str, Any]]
    obstacles: Sequence[str]
    secret_versions: Mapping[str, str]
    managed: Mapping[str, Condition] = field(default_factory=dict)


class Migrator:
    """`wake` is called with a resource that time alone moves on."""

    def __init__(self, wake: Callable[[Key], None]) -> None:
        self._wake = wake
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    async def look(self, raw: Mapping[str, Any], resource: SemanticRouter, scene: Scene, now: datetime) -> Json | None:
        """Return status.placement and status.migration where they are to change; None where they stand."""
        status = raw.get("status") or {}
        state = with_modes(resource, load(status), scene.observed.values())
        seen = await self._observe(resource, state, scene)
        following = decide(resource, state, seen, cause_of(resource, state, scene.secret_versions), now)
        key = (resource.metadata.namespace, resource.metadata.name)
        self._wake_when_due(key, resource, following, now)
        told = dump(resource, following)
        if told == {name: status.get(name) for name in told}:
            return None
        self._log(key, state.migration, following.migration)
        if following.migration is not None and following.migration.running:
            self._wake(key)
        return told

    async def _observe(self, resource: SemanticRouter, state: State, scene: Scene) -> Observation:
        routers = of_component(scene.pods, "router")
        desired = next((each for each in scene.desired if each["kind"] == "Deployment"), None)
        deployment = next((obj for key, obj in scene.observed.items() if key.kind == "Deployment"), None)
        migration = state.migration
        running = migration is not None and migration.running
        name = current_job(resource, migration) if migration is not None and running else None
        job = next((obj for key, obj in scene.observed.items() if key.kind == "Job" and key.name == name), None)
        return Observation(
            obstacle=_obstacle(migration, scene, resource.metadata.name) if migration is not None and running else "",
            job=job_state(job, of_component(scene.pods, "migration")),
            rollout=rollout_state(deployment, desired, routers),
            pods=await reports(routers) if _matters(resource, state) else (),
        )

    def _wake_when_due(self, key: Key, resource: SemanticRouter, state: State, now: datetime) -> None:
        self.forget(key)
        seconds = wake_in(resource, state.migration, now)
        if state.migration is not None and state.migration.progress.step == steps.VALIDATING:
            seconds = min(WATCH_SECONDS, seconds or WATCH_SECONDS)
        if seconds is not None:
            # Times have whole seconds: a moment later it is surely due.
            self._timers[key] = asyncio.get_running_loop().call_later(seconds + 1.0, self._wake, key)

    @staticmethod
    def _log(key: Key, before: Migration | None, after: Migration | None) -> None:
        if after is not None and (before is None or before.progress != after.progress):
            progress = after.progress
            where = progress.step or progress.outcome
            log.info("migration", namespace=key[0], name=key[1], step=where, attempt=progress.attempt,
                     message=progress.message)  # fmt: skip


def _obstacle(migration: Migration, scene: Scene, name: str) -> str:
    """What the target lacks; `name` is the resource's."""
    texts = list(scene.obstacles)
    if migration.target.store[:1] == ("managed",):
        managed = scene.managed.get(migration.target.store[1] or name)
        if managed is None:
            texts.append("Milvus has not been looked at yet.")
        elif managed.status != "True":
            texts.append(managed.message)
    return " ".join(texts)


def _matters(resource: SemanticRouter, state: State) -> bool:
    """Whether the pods' failures count now: while they are watched, and just before the switch."""
    migration = state.migration
    if migration is None or not migration.running:
        return state.placement is not None and state.wanted(resource).identity != state.placement.identity
    step = migration.progress.step
    planned = steps_of(resource, migration)
    return step == steps.VALIDATING or (step in planned and planned[step].then == steps.SWITCHING)


async def reports(pods: Sequence[Mapping[str, Any]]) -> tuple[PodReport, ...]:
    """What each pod says of itself, asked now."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        asked = [
            traffic.ask(session, name, address) if address else _no_address(name) for name, address in addresses(pods)
        ]
        return tuple(await asyncio.gather(*asked))


async def _no_address(name: str) -> PodReport:
    return PodReport(name, problem="it has no address")
