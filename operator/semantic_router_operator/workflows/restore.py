"""A restore, step by step: what was asked for + what was seen -> what stands in the status next.

`status.restore` of the SemanticRouter is all that is remembered: the SemanticCacheRestore may be deleted at any moment,
and then everything goes back. Nothing here acts.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.workflows import restore_steps as steps
from semantic_router_operator.workflows.machine import Progress, Verdict, advance, due, enter
from semantic_router_operator.workflows.migration import Passed
from semantic_router_operator.workflows.migration_verdicts import Traffic
from semantic_router_operator.workflows.placement import Placement
from semantic_router_operator.workflows.restore_steps import steps_of
from semantic_router_operator.workflows.restore_verdicts import Saved, Seen, verdict

DELETED = "the SemanticCacheRestore was deleted"


@dataclass(frozen=True)
class Restore:
    """One restore. `uid` and `name` are the SemanticCacheRestore's, `id` is part of the names of its Jobs.

    `saved` is what the check found. `collection` is the new one, `previous` the one behind the alias before, empty
    where there was none. `restored` are the entries in the new one, `left_out` those that had expired or did not fit.
    `baseline` is the traffic of the pods before they were set aside. `why` is what made it go back, `note` what is left
    behind.
    """

    id: str
    uid: str
    name: str
    spec: RestoreSpec
    started: datetime
    progress: Progress
    collection: str
    saved: Saved = field(default_factory=Saved)
    previous: str = ""
    restored: int | None = None
    left_out: int = 0
    baseline: Traffic = field(default_factory=Traffic)
    passed: tuple[Passed, ...] = ()
    why: str = ""
    note: str = ""

    @property
    def running(self) -> bool:
        return not self.progress.ended

    @property
    def aside(self) -> bool:
        """Whether no pod of the router may have the collection open now."""
        return self.progress.step in steps.ASIDE

    @property
    def limit(self) -> timedelta:
        return timedelta(seconds=self.spec.timeout_seconds)


def begun(uid: str, name: str, spec: RestoreSpec, placement: Placement, now: datetime) -> Restore:
    """Return a restore at its first step. The placement must have a store."""
    planned = steps_of(spec)
    first = next(iter(planned))
    # As the router names collections behind its alias, and never twice.
    collection = f"{placement.store[-1]}_v{now:%Y%m%d%H%M%S}"
    progress = enter(planned, Progress("", now), first, now, timedelta(seconds=spec.timeout_seconds), "")
    return Restore(hashlib.sha256(uid.encode()).hexdigest()[:8], uid, name, spec, now, progress, collection)


def carried_on(restore: Restore, placement: Placement, seen: Seen, now: datetime, *, asked: bool) -> Restore:
    """Return the restore after one look; the same object where nothing changes. `asked`: whether the
    SemanticCacheRestore is still there. Steps at most once."""
    if not restore.running:
        return restore
    planned = steps_of(restore.spec)
    if not asked and restore.progress.step not in steps.BACKWARDS:
        back = planned[restore.progress.step].otherwise
        then = steps.CANCELLED if back == steps.FAILED else back
        return _moved(restore, enter(planned, restore.progress, then, now, restore.limit, DELETED), None, seen)
    facts = (restore.saved, restore.restored, restore.left_out)
    judged = verdict(restore.progress, restore.spec, placement, restore.baseline, facts, seen, now)
    progress = advance(planned, restore.progress, judged, now, restore.limit)
    return restore if progress == restore.progress else _moved(restore, progress, judged, seen)


def wake_in(restore: Restore | None, now: datetime) -> float | None:
    """Seconds until time alone moves a restore on; None where there is none under way."""
    if restore is None or not restore.running:
        return None
    times = [due(steps_of(restore.spec), restore.progress, now)]
    if restore.progress.step == steps.VALIDATING:
        window = timedelta(seconds=restore.spec.validation.window_seconds)
        times.append(max(0.0, (restore.progress.since + window - now).total_seconds()))
    return min((time for time in times if time is not None), default=None)


def _moved(restore: Restore, progress: Progress, judged: Verdict | None, seen: Seen) -> Restore:
    before = restore.progress
    if (progress.step, progress.outcome) == (before.step, before.outcome):
        return replace(restore, progress=progress)
    forward = progress.step == steps_of(restore.spec)[before.step].then or progress.outcome in steps.GOOD
    learnt = _learnt(restore, before.step, seen) if judged is not None and forward else restore
    why = restore.why or (progress.message if progress.step in steps.BACKWARDS else "")
    note = restore.note
    if before.step == steps.DROPPING and not seen.job_done:
        note = f"the collection {restore.collection} is still there ({progress.message}); drop it by hand"
    passed = (*restore.passed, Passed(before.step, before.since, progress.message))
    return replace(learnt, progress=progress, passed=passed, why=why, note=note)


def _learnt(restore: Restore, step: str, seen: Seen) -> Restore:
    """What is known once a step has succeeded."""
    if step == steps.CHECKING:
        return replace(restore, saved=Saved.told(seen.said), baseline=seen.traffic)
    told = seen.said.result
    if step == steps.LOADING and told is not None:
        return replace(restore, restored=told.rows, left_out=told.left_out or 0, previous=told.previous or "")
    return restore
