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
# "-pulsar-bookie" and a hash of ten letters follow in a label of at most 63.
_LONGEST_MILVUS = 38
# Beyond the window, for pods that are not ready or do not answer just then.
_MARGIN_SECONDS = 300


def leaves_milvus(source: Placement, target: Placement) -> bool:
    """Whether a managed Milvus is no more asked for after the migration: it goes, or its data is retained."""
    return source.store[:1] == ("managed",) and source.store[:2] != target.store[:2] and bool(target.store)


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
    leaves = leaves_milvus(source, target)
    after = [*([CATCHING_UP] if copies else []), VALIDATING]
    if settings.strategy == "immediate" and not leaves:
        after = []
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
            # Where the Milvus before goes at the end, what was not copied would be lost with it.
            CATCHING_UP: Step(name, then, UNVALIDATED if leaves else then, attempts=3, seconds=_CATCH_UP_SECONDS),
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
    if leaves_milvus(source, target) and source.model != target.model:
        return (
            "the Milvus before would go, and its entries cannot be taken along into another one and another embedding"
            " model at once: change one after the other"
        )
    second = target.managed.name if target.store[:1] == ("managed",) and target.managed is not None else ""
    if len(second) > _LONGEST_MILVUS:
        return (
            f"the Milvus beside the present one would be called {second}; the names of its pods allow for"
            f" {_LONGEST_MILVUS} letters, so move to a resource with a shorter name"
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
    # A Milvus that goes at the end is copied in any case, unless its entries are not wanted.
    if settings.strategy == "immediate" and not leaves_milvus(source, target):
        return [PROVISIONING]
    warm = settings.warm and not left_behind(source, target, settings, admin_token=admin_token)
    return [PROVISIONING, VERIFYING, *([WARMING] if warm else [])]
