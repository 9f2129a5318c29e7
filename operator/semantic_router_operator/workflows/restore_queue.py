"""Which SemanticCacheRestore of a router is next, and why the others wait or are refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import ValidationError

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.workflows.migration import State
from semantic_router_operator.workflows.restore import Restore


@dataclass(frozen=True)
class Asked:
    """A SemanticCacheRestore. `spec` is None where it cannot be read; then `problem` says why."""

    uid: str
    name: str
    created: datetime
    begun: bool
    ended: bool
    spec: RestoreSpec | None
    problem: str = ""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Asked":
        """From the object as the API server holds it."""
        metadata = raw["metadata"]
        phase = (raw.get("status") or {}).get("phase")
        begun, ended = phase == "Running", phase in ("Succeeded", "Failed")
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        try:
            spec, problem = RestoreSpec.model_validate(raw.get("spec")), ""
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            spec, problem = None, f"spec.{'.'.join(map(str, first['loc']))}: {first['msg']}"
        return cls(str(metadata["uid"]), str(metadata["name"]), created, begun, ended, spec, problem)


@dataclass(frozen=True)
class Answer:
    """What is said to one that does not begin now. Failed: it never will."""

    phase: Literal["Pending", "Failed"]
    reason: str
    message: str


@dataclass(frozen=True)
class Outlook:
    """The one that begins now, if any, and by their uid what is said to the others."""

    next: Asked | None
    answers: Mapping[str, Answer]


def outlook(
    resource: SemanticRouter | None,
    state: State,
    restore: Restore | None,
    asked: Sequence[Asked],
    stopped: str,
    now: datetime,
) -> Outlook:
    """Judge those that have neither begun nor ended. `resource` is None where there is no such SemanticRouter or it is
    not valid, and `stopped` says what keeps the operator from doing anything for it."""
    answers: dict[str, Answer] = {}
    chosen: Asked | None = None
    known = restore.uid if restore is not None else ""
    told = restore is None or restore.running or all(each.ended for each in asked if each.uid == known)
    for each in sorted(asked, key=lambda one: (one.created, one.name)):
        if each.ended or each.uid == known:
            continue
        answer = _answer(each, resource, state, restore, stopped, now)
        if answer is None and chosen is not None:
            answer = Answer("Pending", "Waiting", f"SemanticCacheRestore/{chosen.name} comes first; one at a time.")
        if answer is not None:
            answers[each.uid] = answer
        elif told:
            # Before the outcome of the last one stands with it, the next one would take its place in the status.
            chosen = each
    return Outlook(chosen, answers)


def _answer(
    asked: Asked, resource: SemanticRouter | None, state: State, restore: Restore | None, stopped: str, now: datetime
) -> Answer | None:
    if asked.spec is None:
        return Answer("Failed", "Invalid", f"{asked.problem}. Make another one.")
    if asked.begun:
        return Answer("Failed", "Interrupted", "The SemanticRouter was deleted while it was under way.")
    waiting = _obstacle(state, restore, stopped)
    # A migration may be what makes it possible: a managed Milvus that is made for the first time begins with one.
    moving = state.migration is not None and state.migration.running
    if resource is not None and not moving and (hopeless := impossible(resource, state, asked.spec)):
        return Answer("Failed", "Refused", hopeless)
    if not waiting:
        return None
    if now >= asked.created + timedelta(seconds=asked.spec.timeout_seconds):
        return Answer("Failed", "WaitedTooLong", f"It has waited for {asked.spec.timeout_seconds} s. {waiting}")
    return Answer("Pending", "Waiting", waiting)


def impossible(resource: SemanticRouter, state: State, spec: RestoreSpec) -> str:
    """Return why nothing can be restored into the router as it is; empty where it can."""
    name = f"SemanticRouter/{resource.metadata.name}"
    placement = state.placement or state.wanted(resource)
    backup = resource.spec.backup
    if spec.storage is None and backup is None:
        return f"{name} has no spec.backup that would say where backups are: set that, or spec.storage here."
    if spec.storage is None and backup is not None and backup.s3 is None and placement.store[:1] != ("managed",):
        return f"{name} has no spec.backup.s3 that would say where backups are: set that, or spec.storage here."
    if not resource.spec.cache.enabled:
        return f"The cache of {name} is switched off (spec.cache.enabled); switch it on first."
    if not placement.store:
        return (
            f"{name} keeps answers in memory only, where there is no collection to restore into. Ask for backend milvus"
            " or hybrid first, or bring the entries into running pods by hand: docs/operations/restore.md."
        )
    embedded = placement.milvus.embedded if placement.milvus is not None else None
    if embedded is not None and embedded.storage is None:
        return f"{name} has Milvus Lite without a volume (spec.milvus.embedded.storage), which nobody else can open."
    if embedded is not None and spec.serving != "stopped":
        return f"{name} has Milvus Lite's file open while it serves: set serving: stopped."
    return ""


def _obstacle(state: State, restore: Restore | None, stopped: str) -> str:
    if stopped:
        return stopped
    if state.migration is not None and state.migration.running:
        return f"A migration is under way ({state.migration.progress.step}); the restore begins when that has ended."
    if restore is not None and restore.running:
        return f"SemanticCacheRestore/{restore.name} is under way; one at a time."
    return ""
