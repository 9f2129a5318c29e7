"""Runs all checks over one survey; none hides another."""

from dataclasses import dataclass

from semantic_router_operator.doctor.check import Check, Finding, Severity
from semantic_router_operator.doctor.checks import CHECKS
from semantic_router_operator.doctor.survey import Survey


@dataclass(frozen=True, slots=True)
class Report:
    """`findings` with the worst first; `left_out` maps a check's name to why it says nothing."""

    findings: tuple[Finding, ...]
    left_out: dict[str, str]
    silent: tuple[str, ...]

    @property
    def worst(self) -> Severity:
        """The highest severity found, NOTE where nothing was."""
        return max((each.severity for each in self.findings), default=Severity.NOTE)


def examine(survey: Survey, checks: tuple[Check, ...] = CHECKS) -> Report:
    """Return what all checks say."""
    findings: list[Finding] = []
    left_out: dict[str, str] = {}
    silent: list[str] = []
    for check in checks:
        unreadable = sorted(check.kinds & survey.unreadable.keys())
        if unreadable:
            left_out[check.name] = "; ".join(f"{kind}: {survey.unreadable[kind]}" for kind in unreadable)
            continue
        try:
            found = check.run(survey)
        except Exception as error:  # noqa: BLE001 - a check that meets what it never thought of must not hide the others
            left_out[check.name] = f"it failed over what it saw ({type(error).__name__}: {error}); please report this"
            continue
        if check.last_resort and any(each.severity is Severity.ERROR for each in findings):
            found = []
        findings += found
        if not found:
            silent.append(check.name)
    findings.sort(key=lambda each: (-each.severity, each.check, each.subject))
    return Report(tuple(findings), left_out, tuple(silent))
