"""`doctor`: run all checks on one resource and tell what was found."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.survey import survey
from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, stop, with_target
from semantic_router_operator.doctor.check import Finding, Severity
from semantic_router_operator.doctor.examination import Report, examine
from semantic_router_operator.doctor.survey import Survey
from semantic_router_operator.handlers.desired import secret_keys_of
from semantic_router_operator.plan.key import KIND, ObjectKey

_MARKS = {Severity.ERROR: ("✗", "bold red"), Severity.WARNING: ("!", "bold yellow"), Severity.NOTE: ("i", "cyan")}


class Output(StrEnum):
    """For people, or for programs."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def doctor(
    name: Name = None,
    namespace: Namespace = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="For people, or for programs.")] = Output.TABLE,
    fix: Annotated[bool, typer.Option("--fix", help="Make the changes that are safe, after showing them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a change.")] = False,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Look for what is wrong around a SemanticRouter, and say what to do.

    Reads only, also where the operator does not run. Exit codes: 0 nothing found or notes only, 1 warnings, 2 errors or
    no access.
    """
    report = with_target(name, namespace, kubeconfig, lambda target: _report(target, fix=fix, yes=yes))
    if output is Output.TABLE:
        show(report, Console())
    else:
        told = as_data(report)
        text = json.dumps(told, indent=2) + "\n" if output is Output.JSON else yaml.safe_dump(told, sort_keys=False)
        typer.echo(text, nl=False)
    raise typer.Exit(int(report.worst))


async def observed(target: Target) -> Survey:
    """Return what is seen of the target now. Exits with a sentence where the resource itself may not be read."""
    seen = await survey(target.connection, target.namespace, target.name, secret_keys_of)
    if KIND in seen.unreadable:
        stop(seen.unreadable[KIND])
    return seen


async def _report(target: Target, *, fix: bool, yes: bool) -> Report:
    report = examine(await observed(target))
    if not fix:
        return report
    repairs = [each.repair for each in report.findings if each.repair is not None]
    if not repairs:
        typer.echo("Nothing that was found can be repaired from here; the fixes below are yours to make.", err=True)
    for repair in repairs:
        typer.echo(f"Will {repair.sentence}: {json.dumps(repair.patch)}", err=True)
        if not yes and not typer.confirm("Go on?", err=True):
            continue
        try:
            await target.objects.merge(
                ObjectKey(repair.api_version, repair.kind, target.namespace, repair.name), repair.patch
            )
        except ApiError as error:
            stop(error.explained(f"{repair.kind}/{repair.name}"))
    return examine(await observed(target)) if repairs else report


def show(report: Report, console: Console) -> None:
    """Print the findings as a table, the worst first."""
    for finding in report.findings:
        console.print(_block(finding))
    for name, why in sorted(report.left_out.items()):
        console.print(Text.assemble(("?", "dim"), f" {name}: left out, {why}"), style="dim")
    errors = sum(each.severity is Severity.ERROR for each in report.findings)
    warnings = sum(each.severity is Severity.WARNING for each in report.findings)
    looked = len(report.silent) + len({each.check for each in report.findings})
    if report.findings:
        console.print(f"{looked} checks: {errors} errors, {warnings} warnings.")
    else:
        console.print(Text.assemble(("✓", "bold green"), f" {looked} checks, nothing found."))


def _block(finding: Finding) -> Table:
    mark, style = _MARKS[finding.severity]
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text(mark, style), "", Text.assemble((finding.reason, style), "  ", (finding.subject, "bold")))
    rows = (("seen", finding.evidence), ("cause", finding.cause), ("fix", finding.fix), ("", finding.command))
    for label, text in rows:
        if text:
            table.add_row("", label, Text(text, "" if label else "bold cyan"))
    table.add_row("", "", "")
    return table


def as_data(report: Report) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "worst": report.worst.name.lower() if report.findings else "none",
        "findings": [
            {
                "check": each.check,
                "reason": each.reason,
                "severity": each.severity.name.lower(),
                "subject": each.subject,
                "evidence": each.evidence,
                "cause": each.cause,
                "fix": each.fix,
                "command": each.command,
                "repairable": each.repair is not None,
            }
            for each in report.findings
        ],
        "leftOut": dict(sorted(report.left_out.items())),
        "silent": list(report.silent),
    }
