"""Snapshots of Milvus' volumes, as they are there: what is told of the newest, and which of them are too many."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from semantic_router_operator.render.snapshots import BACKUP_LABEL, cut_together

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
    # Whoever was killed in the midst of it has left volumes uncut.
    there = _of(existing, name)
    return "" if there and len(there) >= _volumes(there) else name


def surplus(existing: Sequence[Json], keep: int, needed: str = "") -> list[Json]:
    """Return the snapshots of all backups but the newest `keep` that have snapshots which can be used, and `needed`.

    Those that cannot be used yet, or ever, count for nothing, so that they never push a good one out.
    """
    usable = sorted(_generations(existing), reverse=True)
    good = [name for name in usable if _ready(_of(existing, name))]
    if len(good) < keep:
        return []
    oldest = good[keep - 1]
    return [each for each in existing if _backup(each) < oldest and _backup(each) != needed]


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
        "volumes": _volumes(newest),
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
    return len(found) >= _volumes(found) and all(map(_usable, found))


def _volumes(found: Sequence[Json]) -> int:
    """How many there have to be: some may never have been cut, or may have been deleted since."""
    return max(len(found), *(len(cut_together(each)) for each in found))


def _usable(each: Json) -> bool:
    return bool((each.get("status") or {}).get("readyToUse"))


def _error(each: Json) -> str:
    told = ((each.get("status") or {}).get("error") or {}).get("message")
    if told:
        return f"{each['metadata']['name']}: {' '.join(str(told).split())[:300]}"
    if _usable(each) or (each.get("spec") or {}).get("volumeSnapshotClassName"):
        return ""
    # The snapshot controller writes the class that it has chosen into the snapshot.
    return (
        f"{each['metadata']['name']}: no VolumeSnapshotClass is the default one of its volume's driver. Set "
        "spec.backup.snapshots.className, or mark one by the annotation "
        "snapshot.storage.kubernetes.io/is-default-class=true."
    )
