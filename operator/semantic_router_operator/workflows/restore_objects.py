"""The objects of a resource while a backup is restored: its router set aside, and the Job of the current step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semantic_router_operator.api.semantic_router import HIBERNATE_ANNOTATION, SemanticRouter
from semantic_router_operator.plan.key import key_of
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.objects import render
from semantic_router_operator.render.restore_jobs import (
    RestorePlan,
    Task,
    job_name,
    restore_files,
    restore_job,
    restore_policy,
)
from semantic_router_operator.workflows import restore_steps as steps
from semantic_router_operator.workflows.migration import State
from semantic_router_operator.workflows.migration_objects import in_force, objects_of
from semantic_router_operator.workflows.placement import placed
from semantic_router_operator.workflows.restore import Restore

Object = dict[str, Any]

_TASKS: Mapping[str, Task] = {
    steps.CHECKING: "check",
    steps.LOADING: "load",
    steps.SWITCHING: "switch",
    steps.SWITCHING_BACK: "switch",
    steps.DROPPING: "drop",
}


def as_run(resource: SemanticRouter, state: State, restore: Restore | None) -> SemanticRouter:
    """Return the resource as pods run it: with the placement in force, unless a restore has set it aside."""
    usual = in_force(resource, state)
    if restore is None or not restore.aside:
        return usual
    if restore.spec.serving == "stopped":
        annotations = {**usual.metadata.annotations, HIBERNATE_ANNOTATION: "on"}
        metadata = usual.metadata.model_copy(update={"annotations": annotations})
        return usual.model_copy(update={"metadata": metadata})
    placement = state.placement or state.wanted(resource)
    return placed(usual, replace(placement, backend="memory"))


def waiting(resource: SemanticRouter, state: State) -> str:
    """Return what has to wait for the end of a restore; empty where nothing has to."""
    moves = state.placement is not None and state.wanted(resource).identity != state.placement.identity
    return "The change of where answers are kept waits until then." if moves else ""


def job_plan(restore: Restore) -> RestorePlan | None:
    """Return the Job of the current step and attempt, None where it has none."""
    task = _TASKS.get(restore.progress.step)
    if task is None:
        return None
    return RestorePlan(
        restore.id,
        task,
        restore.progress.trying,
        restore.spec.timeout_seconds,
        restore.spec.backup,
        restore.spec.storage,
        restore.saved.name,
        restore.saved.engine,
        # Going back is a switch as well, and another Job.
        to=restore.previous if restore.progress.step == steps.SWITCHING_BACK else restore.collection,
        back=restore.progress.step == steps.SWITCHING_BACK,
    )


def current_job(resource: SemanticRouter, restore: Restore) -> str | None:
    """Return the name of the Job of the current step and attempt."""
    plan = job_plan(restore)
    return None if plan is None else job_name(resource, plan)


def objects_while(resource: SemanticRouter, state: State, restore: Restore, facts: ClusterFacts) -> list[Object]:
    """Return everything that there should be while the restore runs."""
    usual = in_force(resource, state)
    objects = objects_of(resource, state, facts)
    if restore.aside:
        objects = _set_aside(usual, objects, render(as_run(resource, state, restore), facts), restore)
    objects = [_held(each) for each in objects]
    plan = job_plan(restore)
    if plan is not None:
        objects += [*restore_files(usual, plan), *restore_policy(usual, facts, plan)]
        objects.append(restore_job(usual, facts, plan))
    return objects


def _set_aside(usual: SemanticRouter, objects: list[Object], aside: list[Object], restore: Restore) -> list[Object]:
    """Put the pods, and what they read, in the place of the usual ones. All else stays as it is: what Milvus needs, and
    who may talk to whom, for the pods that are still on their way out as well."""
    pods = {key_of(each): each for each in aside if _of_pods(usual, each)}
    stopped = restore.spec.serving == "stopped"
    return [
        pods.get(key_of(each), each)
        for each in objects
        # An autoscaler comes back with the pods.
        if not (stopped and each["kind"] == "HorizontalPodAutoscaler")
    ]


def _of_pods(resource: SemanticRouter, each: Object) -> bool:
    if each["kind"] == "ConfigMap":
        return bool(each["metadata"]["name"] == names.router_config(resource))
    return bool(each["kind"] == "Deployment")


def _held(each: Object) -> Object:
    """No backup begins by itself meanwhile: it could remove the very one that is restored."""
    return {**each, "spec": {**each["spec"], "suspend": True}} if each["kind"] == "CronJob" else each
