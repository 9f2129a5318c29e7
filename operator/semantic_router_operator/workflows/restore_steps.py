"""The steps of a restore, in their order, and where each leads."""

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.workflows.machine import Step

CHECKING = "Checking"
SETTING_ASIDE = "SettingAside"
LOADING = "Loading"
COMPARING = "Comparing"
SWITCHING = "Switching"
RETURNING = "Returning"
VALIDATING = "Validating"
# The way back.
LEAVING = "LeavingAgain"
SWITCHING_BACK = "SwitchingBack"
DROPPING = "Dropping"
ROLLING_BACK = "RollingBack"
# The router comes back although the collection could not be switched back.
GIVING_UP = "GivingUp"

COMPLETED = "Completed"
# A dry run that has looked.
CHECKED = "Checked"
# Given up before anything was changed.
FAILED = "Failed"
CANCELLED = "Cancelled"
ROLLED_BACK = "RolledBack"
# Gone back as far as possible: what serves is not known.
ROLLBACK_FAILED = "RollbackFailed"

GOOD = frozenset({COMPLETED, CHECKED})
# While these run, the router is set aside: no pod of it has the collection open.
ASIDE = frozenset({SETTING_ASIDE, LOADING, COMPARING, SWITCHING, LEAVING, SWITCHING_BACK, DROPPING})
JOB_STEPS = frozenset({CHECKING, LOADING, SWITCHING, SWITCHING_BACK, DROPPING})
ROLLOUT_STEPS = frozenset({SETTING_ASIDE, RETURNING, LEAVING, ROLLING_BACK, GIVING_UP})
BACKWARDS = frozenset({LEAVING, SWITCHING_BACK, DROPPING, ROLLING_BACK, GIVING_UP})

_ROLLOUT_SECONDS = 900
_SWITCH_BACK_SECONDS = 3600
_DROP_SECONDS = 900
# Beyond the window, for pods that are not ready or do not answer just then.
_MARGIN_SECONDS = 300


def steps_of(spec: RestoreSpec) -> dict[str, Step]:
    """Return the steps by name, the first one first."""
    if spec.dry_run:
        return {CHECKING: Step(CHECKING, CHECKED, FAILED, attempts=3)}
    found = (
        Step(CHECKING, SETTING_ASIDE, FAILED, attempts=3),
        Step(SETTING_ASIDE, LOADING, ROLLING_BACK),
        Step(LOADING, COMPARING, DROPPING, attempts=3),
        Step(COMPARING, SWITCHING, DROPPING),
        # A Job that failed may have switched before it did.
        Step(SWITCHING, RETURNING, SWITCHING_BACK, attempts=3),
        Step(RETURNING, VALIDATING, LEAVING),
        Step(VALIDATING, COMPLETED, LEAVING, seconds=spec.validation.window_seconds + _MARGIN_SECONDS),
        Step(LEAVING, SWITCHING_BACK, SWITCHING_BACK, seconds=_ROLLOUT_SECONDS),
        Step(SWITCHING_BACK, DROPPING, GIVING_UP, attempts=10, seconds=_SWITCH_BACK_SECONDS),
        # A collection that stays behind costs room, a router that stays aside costs answers.
        Step(DROPPING, ROLLING_BACK, ROLLING_BACK, attempts=3, seconds=_DROP_SECONDS),
        Step(ROLLING_BACK, ROLLED_BACK, ROLLED_BACK, seconds=_ROLLOUT_SECONDS),
        Step(GIVING_UP, ROLLBACK_FAILED, ROLLBACK_FAILED, seconds=_ROLLOUT_SECONDS),
    )
    return {each.name: each for each in found}
