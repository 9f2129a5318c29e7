"""Clocks that do not agree: certificates, leases and expiry times depend on them."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

# An HTTP Date has whole seconds, and an answer takes its time.
_TOLERATED_SECONDS = 5.0

SKEWED = Verdict(
    "ClockSkew",
    Severity.WARNING,
    "This machine's clock and the API server's differ, so certificates and expiry times are judged by a wrong time.",
    "Let both take their time by NTP.",
    "timedatectl status",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    offset = survey.clock_offset
    if offset is not None and abs(offset) > _TOLERATED_SECONDS:
        direction = "ahead of" if offset > 0 else "behind"
        yield SKEWED.found(
            survey, "APIServer/kubernetes", f"Its clock is {abs(offset):.0f} s {direction} this machine's."
        )


CHECK = Check(
    "clock",
    "Clocks do not agree",
    "The Date of the API server's answer beside this machine's clock.",
    (SKEWED,),
    _examine,
)
