"""The objects of a resource while it moves: those of the placement in force, and what the other one needs meanwhile."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.plan.key import key_of, owned_by
from semantic_router_operator.render import backup_names, names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.migration_jobs import (
    JobPlan,
    Task,
    job_name,
    migration_files,
    migration_job,
    migration_policy,
)
from semantic_router_operator.render.milvus import KIND, managed_of
from semantic_router_operator.render.objects import render
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.migration import Migration, State, settings_of
from semantic_router_operator.workflows.placement import Placement, placed

Object = dict[str, Any]

JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
_ROLLS_FREELY = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
_READERS = frozenset({backup_names.COMPONENT, backup_names.DRILL_COMPONENT})
_TASKS: Mapping[str, Task] = {
    steps.VERIFYING: "verify",
    steps.WARMING: "copy",
    steps.CATCHING_UP: "copy",
    steps.REEMBEDDING: "reembed",
    steps.RESTORING_MODEL: "restore-model",
}


def in_force(resource: SemanticRouter, state: State) -> SemanticRouter:
    """Return the resource as pods run it."""
    return placed(resource, state.placement or Placement.wanted(resource))


def asked(resource: SemanticRouter, state: State) -> SemanticRouter:
    """Return the resource as it is asked for, with the name of the Milvus that this leads to."""
    return placed(resource, state.wanted(resource))


def sides(resource: SemanticRouter, migration: Migration) -> tuple[SemanticRouter, SemanticRouter]:
    """Return the resource with the placement before and with the one after the migration."""
    return placed(resource, migration.source), placed(resource, migration.target)


def managed_ones(resource: SemanticRouter, state: State) -> list[SemanticRouter]:
    """Return the resource once for each managed Milvus that is kept going, the one that pods use first."""
    moving = state.migration is not None and state.migration.running
    views = [in_force(resource, state), *(sides(resource, state.migration) if moving and state.migration else ())]
    found: dict[str, SemanticRouter] = {}
    for each in views:
        if managed_of(each) is not None:
            found.setdefault(names.milvus(each), each)
    return list(found.values())


def kept_milvus(resource: SemanticRouter, state: State) -> frozenset[str]:
    """Return the names of the Milvus resources that must not go: those in use, the one that is asked for, and the
    former one until a migration away from it is completed."""
    views = [in_force(resource, state), asked(resource, state)]
    migration = state.migration
    if migration is not None and (migration.running or migration.progress.outcome == steps.UNVALIDATED):
        views += sides(resource, migration)
    return frozenset(names.milvus(each) for each in views if managed_of(each) is not None)


def with_modes(resource: SemanticRouter, state: State, observed: Iterable[Mapping[str, Any]]) -> State:
    """Return the state with the mode that the managed Milvus in force really has: it may have been refused another."""
    uid = resource.metadata.uid
    own = [each for each in observed if each["kind"] == KIND and owned_by(each, uid)]
    modes = {str(each["metadata"]["name"]): str(each["spec"].get("mode")) for each in own}
    if state.placement is None:
        return state
    return replace(state, placement=state.placement.found(modes, resource.metadata.name))


def job_plan(resource: SemanticRouter, migration: Migration) -> JobPlan | None:
    """Return the Job of the current step and attempt, None where it has none."""
    task = _TASKS.get(migration.progress.step)
    if task is None:
        return None
    if migration.progress.step == steps.WARMING and steps.reads_pods(migration.source):
        task = "copy-from-pods"
    # A second copy is another Job than the first.
    suffix = "b" if migration.progress.step == steps.CATCHING_UP else ""
    seconds = settings_of(resource).timeout_seconds
    return JobPlan(f"{migration.id}{suffix}", task, migration.progress.trying, seconds)


def current_job(resource: SemanticRouter, migration: Migration) -> str | None:
    """Return the name of the Job of the current step and attempt."""
    found = job_plan(resource, migration)
    return None if found is None else job_name(sides(resource, migration)[1], found)


def objects_of(resource: SemanticRouter, state: State, facts: ClusterFacts) -> list[Object]:
    """Return everything that there should be."""
    objects = render(in_force(resource, state), facts)
    migration = state.migration
    if migration is None or not migration.running:
        return objects
    source, target = sides(resource, migration)
    others = [each for side in (source, target) for each in render(side, facts)]
    objects = _with(objects, others)
    step = migration.progress.step
    switching = step in (steps.SWITCHING, steps.CATCHING_UP, steps.VALIDATING, steps.ROLLING_BACK)
    if switching and migration.source.embedded is not migration.target.embedded:
        # Only one of the two opens the file, so the old pods need not be gone before the new ones come.
        objects = [_rolling(each) for each in objects]
    plan = job_plan(resource, migration)
    if plan is not None:
        objects += [*migration_files(source, target), *migration_policy(source, target)]
        objects.append(migration_job(source, target, facts, plan))
    return objects


def without_rivals(objects: Sequence[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out a Job while pods of another one have not ended: two at a time could undo each other's work. A backup
    only reads."""
    labels = [(pod["metadata"].get("labels") or {}, pod) for pod in pods]
    alive = {
        each[JOB_NAME_LABEL]
        for each, pod in labels
        if JOB_NAME_LABEL in each and each.get("app.kubernetes.io/component") not in _READERS and not _ended(pod)
    }
    return [each for each in objects if each["kind"] != "Job" or alive <= {each["metadata"]["name"]}]


def _ended(pod: Mapping[str, Any]) -> bool:
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(containers) and all("terminated" in (each.get("state") or {}) for each in containers)


def _with(objects: Sequence[Object], others: Sequence[Object]) -> list[Object]:
    """Add what only the other placement has. Where both have a NetworkPolicy, both of them count: while pods are
    replaced, some are of the one and some of the other."""
    found = {key_of(each): each for each in objects}
    for other in others:
        key = key_of(other)
        if key not in found:
            found[key] = other
        elif other["kind"] == "NetworkPolicy" and other["spec"]["podSelector"] == found[key]["spec"]["podSelector"]:
            found[key] = _both(found[key], other)
    return list(found.values())


def _both(policy: Object, other: Object) -> Object:
    spec = dict(policy["spec"])
    for direction in ("ingress", "egress"):
        if direction in spec:
            more = [rule for rule in other["spec"].get(direction, ()) if rule not in spec[direction]]
            spec[direction] = [*spec[direction], *more]
    return {**policy, "spec": spec}


def _rolling(each: Object) -> Object:
    return {**each, "spec": {**each["spec"], "strategy": _ROLLS_FREELY}} if each["kind"] == "Deployment" else each
