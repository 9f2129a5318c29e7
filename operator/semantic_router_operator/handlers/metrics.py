"""The operator's metrics about its own work, and what it found of each resource."""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter(
    "semantic_router_operator_reconciles_total", "Passes over a resource, by result (done, failed)", ["result"]
)
RECONCILE_SECONDS = Histogram(
    "semantic_router_operator_reconcile_seconds",
    "Duration of a pass over a resource",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE_LENGTH = Gauge("semantic_router_operator_queue_length", "Resources that wait or are worked on")
ADMISSIONS = Counter(
    "semantic_router_operator_admissions_total", "Resources that the webhook was asked about, by answer", ["result"]
)
CONDITION = Gauge(
    "semantic_router_operator_resource_condition",
    "A condition of a resource's status: 1 True, 0 False, -1 Unknown",
    ["resource_namespace", "resource", "type"],
)
BACKUP = {
    "lastTime": Gauge(
        "semantic_router_operator_backup_last_success_timestamp_seconds",
        "When the newest good backup of a resource was complete",
        ["resource_namespace", "resource"],
    ),
    "lastBytes": Gauge(
        "semantic_router_operator_backup_size_bytes", "Its size in the object store", ["resource_namespace", "resource"]
    ),
    "failures": Gauge(
        "semantic_router_operator_backup_failures",
        "Backups that have failed since the last good one",
        ["resource_namespace", "resource"],
    ),
    "lastVerifiedTime": Gauge(
        "semantic_router_operator_backup_last_verified_timestamp_seconds",
        "When a backup was last restored on trial with success",
        ["resource_namespace", "resource"],
    ),
    "verifyFailures": Gauge(
        "semantic_router_operator_backup_verify_failures",
        "Trials that have failed since the last good one",
        ["resource_namespace", "resource"],
    ),
}
LEADER = Gauge("semantic_router_operator_leader", "1 while this process leads, 0 while it stands by")

_TYPES = frozenset(
    {
        "Ready",
        "ConfigValid",
        "RouterAvailable",
        "CacheReady",
        "MilvusReady",
        "BackupHealthy",
        "BackupReplicated",
        "Migrating",
        "Degraded",
    }
)
_VALUES = {"True": 1, "False": 0}


def tell_conditions(namespace: str, name: str, conditions: Iterable[Mapping[str, Any]]) -> None:
    """Show the conditions of a resource, and no others; none: the resource is gone."""
    found = {str(each["type"]): _VALUES.get(str(each["status"]), -1) for each in conditions}
    for kind in _TYPES - found.keys():
        with contextlib.suppress(KeyError):
            CONDITION.remove(namespace, name, kind)
    for kind, value in found.items():
        CONDITION.labels(namespace, name, kind).set(value)


def tell_backups(namespace: str, name: str, told: Mapping[str, Any]) -> None:
    """Show what `status.backup` says of a resource, and nothing else; none: there are no backups.

    While the schedule rests, no age is shown: nobody is to be called for it.
    """
    resting = "nextTime" not in told
    for field, gauge in BACKUP.items():
        value = None if field == "lastTime" and resting else told.get(field)
        if value is None:
            with contextlib.suppress(KeyError):
                gauge.remove(namespace, name)
        else:
            number = datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)
            gauge.labels(namespace, name).set(number)
