"""A change of placement, step by step: what the resource asks for + what is in force + what was seen -> what pods run.

`status.placement` and `status.migration` are all that is remembered. Until a migration is validated, the placement
before it is the last good one: every failure leads back there, and so does a resource that asks for it again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from semantic_router_operator.api.lifecycle import Migration as Settings
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.machine import Progress, Step, advance, due, enter
from semantic_router_operator.workflows.migration_steps import impossible, left_behind, steps_between
from semantic_router_operator.workflows.migration_verdicts import Observation, Traffic, verdict
from semantic_router_operator.workflows.placement import Placement

RETRY_ANNOTATION = "semanticrouter.dev/retry-migration"


@dataclass(frozen=True)
class Passed:
    """A step that is over."""

    step: str
    since: datetime
    message: str


@dataclass(frozen=True)
class Migration:
    """One migration. `cause` names everything that a new attempt could depend on: while it stays the same, one that
    has failed is not begun again. `baseline` is the traffic of the pods before the switch, `note` what will be missing
    afterwards, `why` what made it go back."""

    id: str
    cause: str
    source: Placement
    target: Placement
    started: datetime
    progress: Progress
    passed: tuple[Passed, ...] = ()
    baseline: Traffic = field(default_factory=Traffic)
    note: str = ""
    why: str = ""

    @property
    def running(self) -> bool:
        return not self.progress.ended

    @property
    def on_target(self) -> bool:
        """Whether pods run the target's placement."""
        return (self.progress.outcome or self.progress.step) in steps.ON_TARGET


@dataclass(frozen=True)
class State:
    """What `status` remembers. `placement` is the one that pods run."""

    placement: Placement | None = None
    migration: Migration | None = None

    def wanted(self, resource: SemanticRouter) -> Placement:
        """What the resource asks for; under way, it leads on from where the migration began."""
        moving = self.migration is not None and self.migration.running
        return Placement.wanted(resource, self.migration.source if moving and self.migration else self.placement)


def settings_of(resource: SemanticRouter) -> Settings:
    return resource.spec.migration or Settings()


def steps_of(resource: SemanticRouter, migration: Migration) -> dict[str, Step]:
    """Return the migration's steps."""
    token = resource.spec.router.admin_token_secret_ref is not None
    return steps_between(migration.source, migration.target, settings_of(resource), admin_token=token)


def limit_of(resource: SemanticRouter) -> timedelta:
    return timedelta(seconds=settings_of(resource).timeout_seconds)


def cause_of(resource: SemanticRouter, state: State, secret_versions: Mapping[str, str]) -> str:
    """Name what a migration to the resource's placement depends on; `secret_versions` are those of the target's."""
    parts = [
        state.wanted(resource).dumped(),
        settings_of(resource).model_dump(mode="json"),
        resource.metadata.annotations.get(RETRY_ANNOTATION, ""),
        dict(secret_versions),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def decide(resource: SemanticRouter, state: State, seen: Observation, cause: str, now: datetime) -> State:
    """Return the state after one look. Steps at most once; equal to `state` where nothing changes."""
    wanted = state.wanted(resource)
    if not resource.spec.cache.enabled:
        return State(wanted, None)
    current, migration = state.placement or _first(wanted), state.migration
    if migration is not None and migration.running:
        migration = _steer(resource, migration, wanted, now)
        if migration == state.migration and migration.running:
            migration = _advanced(resource, migration, seen, now)
        return State(_in_force(migration, wanted), migration)
    if wanted.identity == current.identity or _at_once(resource, current, wanted):
        return State(wanted, migration)
    if migration is not None and migration.cause == cause:
        return State(current, migration)
    migration = replace(_begun(resource, current, wanted, cause, now), baseline=seen.traffic)
    return State(_in_force(migration, wanted), migration)


def wake_in(resource: SemanticRouter, migration: Migration | None, now: datetime) -> float | None:
    """Seconds until time alone moves a migration on; None where there is none under way."""
    if migration is None or not migration.running:
        return None
    times = [due(steps_of(resource, migration), migration.progress, now)]
    if migration.progress.step == steps.VALIDATING:
        window = timedelta(seconds=settings_of(resource).validation.window_seconds)
        times.append(max(0.0, (migration.progress.since + window - now).total_seconds()))
    return min((time for time in times if time is not None), default=None)


def _at_once(resource: SemanticRouter, current: Placement, wanted: Placement) -> bool:
    """Whether the resource asks for no steps and needs none: a Milvus has to be there, and the model to be its own."""
    immediate = settings_of(resource).strategy == "immediate"
    apart = wanted.store[:1] == ("managed",) or steps.leaves_milvus(current, wanted)
    return immediate and not apart and not steps.changes_model(current, wanted)


def _first(wanted: Placement) -> Placement:
    """A Milvus of our own has to be made first; until it is there, the router serves from memory."""
    if wanted.store[:1] == ("managed",):
        return replace(wanted, backend="memory")
    return wanted


def _begun(resource: SemanticRouter, source: Placement, target: Placement, cause: str, now: datetime) -> Migration:
    identity = f"{resource.metadata.uid}/{now.isoformat()}/{cause}"
    token = resource.spec.router.admin_token_secret_ref is not None
    note = left_behind(source, target, settings_of(resource), admin_token=token)
    migration = Migration(
        hashlib.sha256(identity.encode()).hexdigest()[:8], cause, source, target, now, Progress("", now), note=note
    )
    planned = steps_of(resource, migration)
    if reason := impossible(source, target):
        return replace(migration, progress=Progress("", now, outcome=steps.FAILED, message=reason))
    first = next(iter(planned))
    return replace(migration, progress=enter(planned, migration.progress, first, now, limit_of(resource), ""))


def _steer(resource: SemanticRouter, migration: Migration, wanted: Placement, now: datetime) -> Migration:
    """Follow a resource that has changed under way."""
    if wanted.identity == migration.target.identity:
        return migration if migration.target == wanted else replace(migration, target=wanted)
    step = migration.progress.step
    if step in (steps.RESTORING_MODEL, steps.ROLLING_BACK):
        # Whatever is asked for now begins when the pods are back.
        return migration if not migration.cause else replace(migration, cause="")
    planned = steps_of(resource, migration)
    if steps.RESTORING_MODEL in planned:
        then = steps.RESTORING_MODEL
    else:
        then = steps.ROLLING_BACK if migration.on_target else steps.CANCELLED
    progress = enter(planned, migration.progress, then, now, limit_of(resource), "the resource asks for something else")
    return replace(_moved(migration, progress), cause="")


def _advanced(resource: SemanticRouter, migration: Migration, seen: Observation, now: datetime) -> Migration:
    validation = settings_of(resource).validation
    judged = verdict(migration.progress, migration.target, validation, migration.baseline, seen, now)
    progress = advance(steps_of(resource, migration), migration.progress, judged, now, limit_of(resource))
    if progress == migration.progress:
        return migration
    moved = _moved(migration, progress)
    return replace(moved, baseline=seen.traffic) if progress.step == steps.SWITCHING else moved


def _moved(migration: Migration, progress: Progress) -> Migration:
    before = migration.progress
    if (progress.step, progress.outcome) == (before.step, before.outcome):
        return replace(migration, progress=progress)
    passed = Passed(before.step, before.since, progress.message)
    goes_back = progress.step in (steps.RESTORING_MODEL, steps.ROLLING_BACK)
    why = migration.why or (progress.message if goes_back else "")
    return replace(migration, progress=progress, passed=(*migration.passed, passed), why=why)


def _in_force(migration: Migration, wanted: Placement) -> Placement:
    placement = migration.target if migration.on_target else migration.source
    return wanted if placement.identity == wanted.identity else placement
