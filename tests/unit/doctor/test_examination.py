"""One check never hides another."""

from collections.abc import Iterator
from dataclasses import replace

from tests.unit.doctor.surveys import healthy, told

from semantic_router_operator.doctor.check import Check, Finding, Severity
from semantic_router_operator.doctor.checks import CHECKS
from semantic_router_operator.doctor.examination import examine
from semantic_router_operator.doctor.survey import Survey


def test_a_check_that_fails_is_named_and_the_others_go_on() -> None:
    def broken(survey: Survey) -> Iterator[Finding]:
        raise KeyError(survey.name)
        yield

    check = Check("broken", "Broken", "Nothing.", (), broken)
    report = examine(replace(healthy(), clock_offset=60.0), (check, *CHECKS))
    assert "KeyError" in report.left_out["broken"]
    assert [each.reason for each in report.findings] == ["ClockSkew"]
    assert report.worst is Severity.WARNING


def test_what_may_not_be_read_is_left_out_and_named() -> None:
    report = examine(replace(healthy(), unreadable={"Secret": "secrets is forbidden"}))
    assert sorted(report.left_out) == ["certificates", "secrets"]
    assert "secrets is forbidden" in report.left_out["secrets"]


def test_the_worst_comes_first() -> None:
    survey = replace(healthy(suspend=True), clock_offset=60.0, secrets={"a": None})
    assert [each.severity for each in examine(survey).findings] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]


def test_what_nobody_can_explain_is_told_where_nothing_else_is_wrong() -> None:
    survey = told(healthy(), "Ready", "False", "PodsNotReady")
    assert [each.reason for each in examine(survey).findings] == ["NotExplained"]
    assert [each.reason for each in examine(replace(survey, clock_offset=60.0)).findings] == [
        "ClockSkew",
        "NotExplained",
    ]
    assert [each.reason for each in examine(replace(survey, secrets={"a": None})).findings] == ["SecretMissing"]
    assert examine(told(healthy(), "Ready", "False", "Migrating")).findings == ()
