"""`status`: one resource on one screen."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.commands.backup import line
from semantic_router_operator.commands.doctor import observed, show
from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, with_target
from semantic_router_operator.doctor.examination import Report, examine
from semantic_router_operator.workflows.restore_steps import BACKWARDS, steps_of

Json = Mapping[str, Any]
_BAD_WHEN_TRUE = frozenset({"Degraded"})
_NEUTRAL = frozenset({"Migrating", "Restoring"})


def status(name: Name = None, namespace: Namespace = None, kubeconfig: Kubeconfig = None) -> None:
    """Show a SemanticRouter on one screen: what runs, its conditions, and what the doctor finds."""
    raw, report = with_target(name, namespace, kubeconfig, _read)
    console = Console()
    console.print(screen(raw))
    show(report, console)


async def _read(target: Target) -> tuple[Json, Report]:
    seen = await observed(target)
    # A resource that is not there is asked for once more, which says so.
    return seen.resource or await target.read(), examine(seen)


def screen(raw: Json) -> Group:
    """Return what is shown of a resource."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in facts(raw):
        table.add_row(label, value)
    conditions = Table.grid(padding=(0, 2))
    for no_wrap in (True, True, True, False):
        conditions.add_column(no_wrap=no_wrap, overflow="fold")
    for each in (raw.get("status") or {}).get("conditions") or ():
        mark, style = _mark(each)
        conditions.add_row(
            Text(mark, style), str(each["type"]), Text(str(each["reason"]), style), str(each.get("message", ""))
        )
    title = Text(f"{raw['metadata']['namespace']}/{raw['metadata']['name']}", "bold")
    return Group(title, table, "", conditions, "")


def facts(raw: Json) -> Iterator[tuple[str, str]]:
    """Yield label and value of what the status tells."""
    told, spec = raw.get("status") or {}, raw.get("spec") or {}
    yield "profile", str(spec.get("profile", "development"))
    yield "endpoint", str(told.get("endpoint", "-"))
    yield "pods", f"{told.get('readyReplicas', 0)} of {told.get('replicas', 0)} ready"
    yield "backend", str(told.get("backend", "-"))
    yield "configuration", str(told.get("configEpoch", "-"))
    milvus = spec.get("milvus") or {}
    if milvus:
        kind = next((each for each in ("managed", "external", "embedded") if each in milvus), "")
        where = (milvus.get("external") or {}).get("address") or (milvus.get("managed") or {}).get("mode", "")
        yield "milvus", f"{kind} {where}".strip()
    migration = told.get("migration") or {}
    if migration:
        yield "migration", f"{migration.get('step', '-')} since {migration.get('since', '-')}"
    if told.get("backup"):
        yield "backup", line(told["backup"])
    restore = told.get("restore") or {}
    if restore.get("step"):
        yield "restore", f"{_bar(restore)} {restore['step']} since {restore.get('since', '-')} ({restore['name']})"
    elif restore:
        yield "last restore", f"{restore.get('outcome', '-')} at {restore.get('since', '-')} ({restore['name']})"


def _bar(restore: Json) -> str:
    """How far a restore is; on its way back the bar grows shorter."""
    forward = [name for name in steps_of(RestoreSpec.model_validate(restore["asked"])) if name not in BACKWARDS]
    passed = [each["step"] for each in restore.get("passed") or ()]
    done = len([name for name in passed if name in forward])
    if restore["step"] in BACKWARDS:
        done = max(0, done - len([name for name in passed if name in BACKWARDS]) - 1)
    return f"[{'=' * done}{'·' * (len(forward) - done)}] {done}/{len(forward)}"


def _mark(condition: Json) -> tuple[str, str]:
    kind, state = str(condition["type"]), str(condition["status"])
    if state == "Unknown" or kind in _NEUTRAL:
        return "·", "dim"
    good = (state == "False") if kind in _BAD_WHEN_TRUE else (state == "True")
    return ("✓", "green") if good else ("✗", "bold red")
