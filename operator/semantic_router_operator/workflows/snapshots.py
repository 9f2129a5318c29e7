"""Snapshots of Milvus' volumes, as they are there: what is told of the newest, and which of them are too many."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from semantic_router_operator.render.snapshots import BACKUP_LABEL

Json = Mapping[str, Any]
# Volumes are cut after their backup; hours later they would be no companions of it.
FRESH = timedelta(hours=1)


def due(told: Json, existing: Sequence[Json], now: datetime) -> str:
    """Return the name of the backup after which volumes are to be cut now; empty where there is none.

    `told` is status.backup.
    """
    name, time = str(told.get("lastName") or ""), told.get("lastTime")
    if not name or not time or now > datetime.fromisoformat(str(time)) + FRESH:
        return ""
    return "" if any(_backup(each) == name for each in existing) else name


def surplus(existing: Sequence[Json], keep: int) -> list[Json]:
    """Return the snapshots of all backups but the newest `keep` that have snapshots which can be used.

    Those that cannot be used yet, or ever, count for nothing, so that they never push a good one out.
    """
    usable = sorted(_generations(existing), reverse=True)
    good = [name for name in usable if _ready(_of(existing, name))]
    if len(good) < keep:
        return []
    oldest = good[keep - 1]
    return [each for each in existing if _backup(each) < oldest]


def snapshots_told(existing: Sequence[Json]) -> dict[str, Any] | None:
    """Return what status.backup.snapshots says; None where there are none."""
    generations = sorted(_generations(existing))
    if not generations:
        return None
    newest = _of(existing, generations[-1])
    errors = [text for each in newest if (text := _error(each))]
    return {
        "backup": generations[-1],
        "time": min(str(each["metadata"]["creationTimestamp"]) for each in newest),
        "ready": sum(_usable(each) for each in newest),
        "volumes": len(newest),
        "consistency": "Crash",
        **({"message": errors[0]} if errors else {}),
    }


def _generations(existing: Sequence[Json]) -> set[str]:
    return {_backup(each) for each in existing}


def _of(existing: Sequence[Json], backup: str) -> list[Json]:
    return [each for each in existing if _backup(each) == backup]


def _backup(each: Json) -> str:
    return str((each["metadata"].get("labels") or {}).get(BACKUP_LABEL, ""))


def _ready(found: Sequence[Json]) -> bool:
    return all(map(_usable, found))


def _usable(each: Json) -> bool:
    return bool((each.get("status") or {}).get("readyToUse"))


def _error(each: Json) -> str:
    told = ((each.get("status") or {}).get("error") or {}).get("message")
    return f"{each['metadata']['name']}: {' '.join(str(told).split())[:300]}" if told else ""
