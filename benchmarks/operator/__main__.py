"""`python -m benchmarks.operator` measures the operator on a real API server; writes benchmarks/out/operator.json.

All on one machine, the API server included. Resources are made at a steady pace, then edited at that pace; the time is
that from the API server's receiving the change to its answer to the operator's last write for it, by the audit log.
Then the operator is restarted (it looks at everything again and must write nothing), and left alone for a while.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.operator.audit import TOLD, Request, requests
from tests.cluster.conftest import ROOT, Kubectl, Operator, Operators
from tests.control_plane.binaries import find_or_build
from tests.control_plane.server import ControlPlane
from tests.control_plane.shared import Access

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.objects import Objects

Json = dict[str, Any]
OUT = Path("benchmarks/out/operator.json")
NAMESPACES = 10
RESYNC_SECONDS = 600  # the operator's default
WAIT_SECONDS = 300
# Nothing runs pods here, so no resource is ever ready, and for each of them the operator would look for the cause.
NO_DOCTOR = "--diagnose-after-seconds=86400"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crs", type=int, default=300, help="resources")
    parser.add_argument("--pace", type=float, default=4.0, help="resources made or edited in a second")
    parser.add_argument("--idle-seconds", type=float, default=120.0, help="length of the idle window")
    options = parser.parse_args()
    programs = find_or_build(lambda line: print(line, file=sys.stderr))
    with tempfile.TemporaryDirectory() as name:
        plane = ControlPlane(programs, Path(name) / "plane")
        try:
            plane.start(sorted((ROOT / "crds").glob("*.yaml")))
            certificate = plane.folder / "certs" / "apiserver.crt"
            log, kubectl = plane.audit_log, programs["kubectl"]
            access = Access(plane.url, plane.kubeconfig, certificate, log, kubectl, programs["helm"])
            figures = measure(access, Path(name), options.crs, options.pace, options.idle_seconds)
        finally:
            plane.stop()
    figures["cpus"] = float(os.cpu_count() or 0)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 3) for key, value in figures.items()}, indent=2) + "\n")
    sys.stdout.write(OUT.read_text())


def measure(access: Access, folder: Path, crs: int, pace: float, idle_seconds: float) -> dict[str, float]:
    """All figures, for a control plane that nobody else uses."""
    kubectl = Kubectl(access, "operator")
    for name in ("operator", *(f"team-{number}" for number in range(NAMESPACES))):
        kubectl("create", "namespace", name)
    operators = Operators(access, kubectl, folder)
    try:
        operator = operators.start(NO_DOCTOR, whole_cluster=True)
        figures: dict[str, float] = {"crs": crs, "changes_per_s": pace}
        for phase, ttl in (("create", 60), ("edit", 61)):
            report(f"{phase}: {crs} resources, {pace:g} a second")
            began = time.time()
            asyncio.run(write(access, crs, pace, ttl))
            until(lambda: quiet(operator), "the operator to have done all")
            found = list(requests(access.audit_log, began))
            figures[f"{phase}_to_applied_p95_s"] = p95(delays(found, operator.user))
        figures["event_to_applied_p95_s"] = max(figures["create_to_applied_p95_s"], figures["edit_to_applied_p95_s"])
        figures["cpu_s_per_change"] = cpu_seconds(operator) / (2 * crs)
        report("restart: everything is looked at again")
        operator.stop()
        began = time.time()
        operator = operators.again(operator, NO_DOCTOR, whole_cluster=True)
        until(lambda: metric(operator, "semantic_router_operator_reconciles_total") >= crs, "a full pass")
        figures["resync_s"] = time.time() - began
        until(lambda: quiet(operator), "the operator to have done all")
        figures["noop_writes"] = sum(
            each.write and each.resource != "leases"
            for each in requests(access.audit_log, began)
            if each.user == operator.user
        )
        figures["rss_mb"] = memory(operator, "VmRSS")
        figures["rss_peak_mb"] = memory(operator, "VmHWM")
        report(f"idle: {idle_seconds:.0f} s")
        began = time.time()
        time.sleep(idle_seconds)
        window = [each for each in requests(access.audit_log, began) if each.user == operator.user]
        # A full pass asks once for each resource; the window is shorter than the time between two.
        figures["idle_requests_per_cr_hour"] = len(window) / idle_seconds * 3600 / crs + 3600 / RESYNC_SECONDS
        return figures
    finally:
        for each in operators.started:
            each.stop()


async def write(access: Access, crs: int, pace: float, ttl: int) -> None:
    """Applies every resource, `pace` of them in a second."""
    connection = await Connection.open(access.kubeconfig)
    objects = Objects(connection, Discovery(connection))
    try:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(crs):
                await asyncio.sleep(max(0.0, began + number / pace - time.monotonic()))
                group.create_task(objects.apply(resource(number, ttl), "benchmark"))
    finally:
        await connection.close()


def resource(number: int, ttl: int) -> Json:
    """A resource with the usual children; `ttl` is what an edit changes, in the ConfigMap and the pods' resources."""
    return {
        "apiVersion": "semanticrouter.dev/v1alpha1",
        "kind": "SemanticRouter",
        "metadata": {"name": f"router-{number}", "namespace": f"team-{number % NAMESPACES}"},
        "spec": {
            "router": {
                "replicas": 1,
                "drainSeconds": ttl - 40,
                "podDisruptionBudget": {"maxUnavailable": 1},
                "ingress": {"host": f"router-{number}.example"},
            },
            "providers": [{"name": "vllm", "baseURL": "http://vllm.models.svc:8000/v1"}],
            "models": [{"name": "small", "provider": "vllm"}],
            "cache": {"ttlSeconds": ttl},
            "networkPolicy": {},
        },
    }


def delays(found: list[Request], user: str) -> list[float]:
    """For each resource: from its own change to the end of the last write to one of its children."""
    changed: dict[tuple[str, str], float] = {}
    applied: dict[tuple[str, str], float] = {}
    for each in found:
        if each.resource == "semanticrouters" and each.user == "admin" and each.write:
            changed[each.namespace, each.name] = each.started
        elif each.user == user and each.write and each.resource not in TOLD:
            key = each.namespace, "-".join(each.name.split("-")[:2])  # router-7-config belongs to router-7
            applied[key] = max(applied.get(key, 0.0), each.ended)
    missing = changed.keys() - applied.keys()
    assert not missing, f"not applied: {sorted(missing)[:5]}"
    return [applied[key] - changed[key] for key in changed]


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def metric(operator: Operator, name: str) -> float:
    """The sum of a metric over its labels."""
    with urllib.request.urlopen(operator.metrics, timeout=5) as answer:  # noqa: S310 - http
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def quiet(operator: Operator) -> bool:
    """Nothing is waiting or worked on, and five seconds later nothing has been."""
    passes = metric(operator, "semantic_router_operator_reconciles_total")
    if metric(operator, "semantic_router_operator_queue_length"):
        return False
    time.sleep(5)
    return passes == metric(operator, "semantic_router_operator_reconciles_total")


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {WAIT_SECONDS} s for {what}.")
        time.sleep(0.1)


def memory(operator: Operator, field: str) -> float:
    """Megabytes (MiB), as Linux counts them for the process."""
    status = Path(f"/proc/{operator.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def cpu_seconds(operator: Operator) -> float:
    fields = Path(f"/proc/{operator.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
