"""What was observed -> whether the current step of a restore waits, is done, or has failed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.workflows import restore_steps as steps
from semantic_router_operator.workflows.job_result import Said
from semantic_router_operator.workflows.machine import Failed, Progress, Succeeded, Verdict, Waiting
from semantic_router_operator.workflows.migration_verdicts import (
    JobState,
    PodReport,
    Rollout,
    Traffic,
    rolled_out,
    validated,
    worked,
)
from semantic_router_operator.workflows.placement import Placement

MILVUS_BACKUP = "milvus-backup"
# What another attempt would not change.
_FINAL_REASONS = frozenset(
    {
        "ArchiveDamaged",
        "BackupDamaged",
        "BackupMissing",
        "BackupUnfinished",
        "CatalogueUnusable",
        "ConfigInvalid",
        "EngineMismatch",
        "NameInvalid",
        "VersionTooOld",
    }
)


@dataclass(frozen=True, slots=True)
class Saved:
    """The backup that was chosen: its name in the object store, the engine that made it, and its entries."""

    name: str = ""
    engine: str = ""
    rows: int | None = None
    bytes: int | None = None

    @classmethod
    def told(cls, said: Said) -> "Saved":
        """As a check tells it."""
        found = said.result
        return cls(found.name or "", found.engine or "", found.rows, found.bytes) if found is not None else cls()


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that verdicts depend on. `said` are the last words of the current step's Job; `routers` says whether
    there is any pod of the router, also one on its way out; `hibernating` whether it is to have none."""

    job: JobState = field(default_factory=JobState)
    said: Said = field(default_factory=Said)
    rollout: Rollout = field(default_factory=Rollout)
    pods: tuple[PodReport, ...] = ()
    routers: bool = False
    hibernating: bool = False

    @property
    def traffic(self) -> Traffic:
        """Of all pods together."""
        return Traffic(sum(p.traffic.requests for p in self.pods), sum(p.traffic.failures for p in self.pods))

    @property
    def rows(self) -> int | None:
        """What the Job counted, None where it did not tell."""
        return self.said.result.rows if self.said.result is not None else None

    @property
    def job_done(self) -> bool:
        return self.job.state == "succeeded"


Counts = tuple[Saved, int | None, int]


def verdict(
    progress: Progress,
    spec: RestoreSpec,
    placement: Placement,
    baseline: Traffic,
    counts: Counts,
    seen: Seen,
    now: datetime,
) -> Verdict:
    """Judge the current step. `counts`: what was saved, restored and left out, as far as it is known."""
    if progress.step in (steps.SETTING_ASIDE, steps.LEAVING):
        return _set_aside(spec, seen)
    if progress.step in steps.ROLLOUT_STEPS:
        return Succeeded("it hibernates") if seen.hibernating else rolled_out(seen.rollout)
    if progress.step == steps.COMPARING:
        return compared(*counts)
    if progress.step == steps.VALIDATING:
        if seen.hibernating:
            return Succeeded("the router hibernates, so that no request was watched")
        window_ends = progress.since + timedelta(seconds=spec.validation.window_seconds)
        return validated(placement, spec.validation, baseline, seen, ended=now >= window_ends)
    judged = worked(seen.job)
    if isinstance(judged, Failed) and seen.said.reason in _FINAL_REASONS:
        return Failed(judged.message, final=True)
    if not isinstance(judged, Succeeded):
        return judged
    if progress.step == steps.CHECKING:
        return _checked(Saved.told(seen.said), placement)
    if progress.step == steps.LOADING and seen.rows is None:
        return Failed("the Job ended well, but what it said is lost; it is done once more")
    return judged


def compared(saved: Saved, restored: int | None, left_out: int) -> Verdict:
    """Judge the numbers of entries."""
    if restored is None or saved.rows is None:
        return Failed("how many entries were saved, or restored, is not known", final=True)
    expired = f", {left_out} had expired or did not fit" if left_out else ""
    said = f"{restored} of {saved.rows} entries were restored{expired}"
    # Routers may have written while milvus-backup read; its restore has compared what it can.
    if saved.engine != MILVUS_BACKUP and restored + left_out != saved.rows:
        return Failed(f"{said}; {saved.rows - restored - left_out} are missing", final=True)
    if restored == 0:
        return Failed(f"{said}: the cache would be empty", final=True)
    return Succeeded(said)


def _checked(saved: Saved, placement: Placement) -> Verdict:
    if not saved.name or not saved.engine:
        return Failed("the Job ended well, but what it said is lost; it is done once more")
    if saved.engine == MILVUS_BACKUP and placement.store[:1] != ("managed",):
        return Failed(
            f"the backup {saved.name} was made by milvus-backup, which writes into the object store of Milvus itself;"
            " the operator knows that of a managed Milvus only. Restore one of engine export",
            final=True,
        )
    return Succeeded(f"{saved.name} is whole: {_number(saved.rows)} entries, by {saved.engine}")


def _set_aside(spec: RestoreSpec, seen: Seen) -> Verdict:
    if spec.serving == "memory" and not seen.hibernating:
        return rolled_out(seen.rollout)
    if seen.routers:
        return Waiting("Pods of the router end once their streams have ended.")
    return Succeeded("no pod is left") if seen.rollout.done else Waiting(seen.rollout.message)


def _number(count: int | None) -> str:
    return "an unknown number of" if count is None else str(count)
