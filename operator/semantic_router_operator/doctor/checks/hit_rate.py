"""Far fewer answers come out of the cache since the configuration was changed."""

from collections.abc import Iterator
from datetime import datetime

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import PODS_PROXY, Survey
from semantic_router_operator.plan.probed import LookupPeriod
from semantic_router_operator.plan.seen import total

# With fewer, chance alone may look like this; below this rate there was nothing to lose.
_FEWEST_LOOKUPS = 200
_LEAST_RATE = 0.1
_COLLAPSED = 1 / 3

BY_POLICY = Verdict(
    "HitRateFellByPolicy",
    Severity.WARNING,
    "What answers depend on was changed (models, providers, decisions or prompts), so answers from before are not given"
    " any more; the cache fills anew.",
    "Wait, or take the change back where it was not meant: answers that have not expired count again at once.",
    "kubectl -n {namespace} get semanticrouter {name} -o yaml --show-managed-fields",
)
BY_SETTINGS = Verdict(
    "HitRateFell",
    Severity.WARNING,
    "The cache's settings were changed (threshold, scope, guard, time to live or sizes), or it began empty: a cache in"
    " memory does so at each restart.",
    "Ask for a question that should be found why it is not, and compare spec.cache with what was set before.",
    'kubectl semantic-router explain {name} -n {namespace} "A QUESTION THAT SHOULD BE FOUND"',
)


def _examine(survey: Survey) -> Iterator[Finding]:
    pods = survey.router_states
    newest = [each.lookups[-1] for each in pods if each.lookups]
    if not newest:
        return
    now = total(pods, max(newest, key=lambda each: each.since).config_epoch)
    before = _before(survey, now) if now is not None else None
    if now is None or before is None or _lookups(now) < _FEWEST_LOOKUPS:
        return
    if _rate(before) >= _LEAST_RATE and _rate(now) < _rate(before) * _COLLAPSED:
        verdict = BY_POLICY if before.policy_epoch != now.policy_epoch else BY_SETTINGS
        text = (
            f"{_told(now)} since {now.since:%Y-%m-%d %H:%M} UTC (configuration {now.config_epoch});"
            f" {_told(before)} before ({before.config_epoch})."
        )
        yield verdict.found(survey, f"SemanticRouter/{survey.name}", text)


def _before(survey: Survey, now: LookupPeriod) -> LookupPeriod | None:
    """Return the latest configuration before under which enough was asked."""
    epochs = {each.config_epoch: each.since for pod in survey.router_states for each in pod.lookups}
    earlier = [total(survey.router_states, epoch) for epoch in epochs if epoch != now.config_epoch]
    found = [each for each in earlier if each is not None and _lookups(each) >= _FEWEST_LOOKUPS]
    if found:
        return max(found, key=lambda each: each.since)
    told = ((survey.resource or {}).get("status") or {}).get("lookups") or {}
    if not told or told["configEpoch"] == now.config_epoch or told["hits"] + told["misses"] < _FEWEST_LOOKUPS:
        return None
    since = datetime.min.replace(tzinfo=now.since.tzinfo)
    return LookupPeriod(told["configEpoch"], told["policyEpoch"], since, int(told["hits"]), int(told["misses"]))


def _lookups(period: LookupPeriod) -> int:
    return period.hits + period.misses


def _rate(period: LookupPeriod) -> float:
    return period.hits / _lookups(period)


def _told(period: LookupPeriod) -> str:
    return f"{_rate(period):.0%} of {_lookups(period):,} lookups were hits"


CHECK = Check(
    "hit-rate",
    "The hit rate has collapsed after a change",
    "The hits and misses that each router counts for each configuration it had in force, and what the resource's status"
    " remembers of the one before.",
    (BY_POLICY, BY_SETTINGS),
    _examine,
    frozenset({PODS_PROXY}),
)
