"""Which steps lead from one placement to another."""

from semantic_router_operator.api.lifecycle import Migration as Settings
from semantic_router_operator.workflows.machine import Step
from semantic_router_operator.workflows.placement import Placement

PROVISIONING = "Provisioning"
VERIFYING = "Verifying"
WARMING = "Warming"
REEMBEDDING = "Reembedding"
SWITCHING = "Switching"
CATCHING_UP = "CatchingUp"
VALIDATING = "Validating"
RESTORING_MODEL = "RestoringModel"
ROLLING_BACK = "RollingBack"

COMPLETED = "Completed"
ROLLED_BACK = "RolledBack"
# Given up before anything was switched.
FAILED = "Failed"
CANCELLED = "Cancelled"
# Switched, found wanting, and left so because spec.migration.rollback is manual.
UNVALIDATED = "Unvalidated"

# While these run, and after the outcomes among them, pods have the new placement.
ON_TARGET = frozenset({SWITCHING, CATCHING_UP, VALIDATING, RESTORING_MODEL, COMPLETED, UNVALIDATED})
# Steps that are a Job's.
JOB_STEPS = frozenset({VERIFYING, WARMING, REEMBEDDING, CATCHING_UP, RESTORING_MODEL})

_ROLLBACK_SECONDS = 900
_CATCH_UP_SECONDS = 1800
_RESTORE_SECONDS = 3600
# Beyond the window, for pods that are not ready or do not answer just then.
_MARGIN_SECONDS = 300


def reads_pods(source: Placement) -> bool:
    """Whether what is to be taken along can only be had from the running pods: they alone hold it."""
    return not source.store or source.embedded


def steps_between(source: Placement, target: Placement, settings: Settings, *, admin_token: bool) -> dict[str, Step]:
    """Return the steps by name, the first one first. `admin_token`: whether pods let their entries be read."""
    moves_model = changes_model(source, target)
    undo = RESTORING_MODEL if moves_model else ROLLING_BACK
    unfit = undo if settings.rollback == "automatic" else UNVALIDATED
    before = _before(source, target, settings, admin_token=admin_token)
    copies = WARMING in before and not reads_pods(source)
    after = [] if settings.strategy == "immediate" else [*([CATCHING_UP] if copies else []), VALIDATING]
    names = [*before, SWITCHING, *after]
    found: dict[str, Step] = {}
    for name, then in zip(names, [*names[1:], COMPLETED], strict=True):
        found[name] = {
            PROVISIONING: Step(name, then, FAILED, untimed=True),
            VERIFYING: Step(name, then, FAILED, attempts=5),
            # A memory that stays behind costs some answers; a store that stays behind costs them all.
            WARMING: Step(name, then, FAILED, attempts=3)
            if copies
            else Step(name, then, SWITCHING, attempts=3, seconds=settings.timeout_seconds // 2),
            REEMBEDDING: Step(name, then, RESTORING_MODEL, attempts=10),
            SWITCHING: Step(name, then, unfit),
            CATCHING_UP: Step(name, then, then, attempts=3, seconds=_CATCH_UP_SECONDS),
            VALIDATING: Step(name, then, unfit, seconds=settings.validation.window_seconds + _MARGIN_SECONDS),
        }[name]
    if moves_model:
        found[RESTORING_MODEL] = Step(
            RESTORING_MODEL, ROLLING_BACK, ROLLING_BACK, attempts=10, seconds=_RESTORE_SECONDS
        )
    found[ROLLING_BACK] = Step(ROLLING_BACK, ROLLED_BACK, ROLLED_BACK, seconds=_ROLLBACK_SECONDS)
    return found


def impossible(source: Placement, target: Placement) -> str:
    """Return why there is no way from the one to the other; empty where there is one."""
    if source.embedded and target.embedded and source.store == target.store and source.model != target.model:
        return (
            "the router's pod has Milvus Lite's file open, so that no Job can bring it to another model: remove"
            " cache.embedding, or give milvus.collection another name and begin empty"
        )
    return ""


def left_behind(source: Placement, target: Placement, settings: Settings, *, admin_token: bool) -> str:
    """Return why the entries are not taken along, although that was asked for; empty where they are or need not be."""
    if not settings.warm or not target.store or target.store == source.store:
        return ""
    if source.model and source.model != target.model:
        return "store and embedding model change at once, so the entries stay behind; change one after the other"
    if target.embedded:
        return "Milvus Lite is the pod's own, so the entries stay behind"
    if reads_pods(source) and not admin_token:
        return (
            "the cache begins empty: entries in memory are read with an admin token (spec.router.adminTokenSecretRef)"
        )
    return ""


def changes_model(source: Placement, target: Placement) -> bool:
    """Whether the same collection is to hold another model's vectors."""
    return bool(source.store) and source.store == target.store and source.model != target.model


def _before(source: Placement, target: Placement, settings: Settings, *, admin_token: bool) -> list[str]:
    if changes_model(source, target):
        return [REEMBEDDING]
    if not target.store or target.store == source.store:
        return []
    if target.embedded:
        return []
    if settings.strategy == "immediate":
        return [PROVISIONING]
    warm = settings.warm and not left_behind(source, target, settings, admin_token=admin_token)
    return [PROVISIONING, VERIFYING, *([WARMING] if warm else [])]
