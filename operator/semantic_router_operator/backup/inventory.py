"""What lies in the store, which backup is meant by a choice, and what retention takes away. Pure.

Never pruned: the last good backup, another router's, one that is being made. Interrupted ones (begun, and no catalogue)
never count as good, and go when they are older than any run can be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from semantic_router_operator.backup.catalogue import Begun, Catalogue
from semantic_router_operator.backup.config import RouterName
from semantic_router_operator.backup.failure import BackupError


@dataclass(frozen=True, slots=True)
class Inventory:
    """`good` have a catalogue, `begun` have none yet, of `unreadable` the catalogue cannot be used (name, why)."""

    good: tuple[Catalogue, ...] = ()
    begun: tuple[Begun, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    def of(self, router: RouterName) -> "Inventory":
        """Return what is this router's; several may share a prefix."""
        return Inventory(
            tuple(each for each in self.good if each.router == router),
            tuple(each for each in self.begun if each.router == router),
        )


@dataclass(frozen=True, slots=True)
class Pruning:
    """Names to delete, the oldest first, and how many good ones stay. `marked` are good ones whose mark was left."""

    surplus: tuple[str, ...]
    interrupted: tuple[str, ...]
    kept: int
    marked: tuple[str, ...] = ()


def prune(found: Inventory, router: RouterName, keep: int, now: datetime, longest: timedelta) -> Pruning:
    """Return what retention takes away of a router's backups; no run takes longer than `longest`."""
    own = found.of(router)
    ordered = _by_age(own.good)
    surplus = ordered[: max(0, len(ordered) - max(1, keep))]
    finished = {each.name for each in own.good}
    interrupted = tuple(
        each.name
        for each in sorted(own.begun, key=lambda each: each.started)
        if each.name not in finished and now - each.started > longest
    )
    marked = tuple(each.name for each in own.begun if each.name in finished)
    return Pruning(tuple(each.name for each in surplus), interrupted, len(ordered) - len(surplus), marked)


def choose(found: Inventory, router: RouterName, wanted: str, before: datetime | None = None) -> Catalogue:
    """Return the backup that is meant: a name, or `latest`, the youngest that had begun by `before`.

    A backup holds what was there when it began, so that is its point in time. Where a prefix holds no backup of the
    router itself, as in another cluster, those of the one other router that it has are meant. Raises BackupError.
    """
    if wanted != "latest":
        return _named(found, wanted)
    ordered = _by_age(found.of(router).good or found.good)
    others = sorted({f"{each.router.namespace}/{each.router.name}" for each in ordered})
    if len(others) > 1:
        text = f"The store has backups of several other routers ({', '.join(others)}); say which one by its name."
        raise BackupError("BackupMissing", text)
    if not ordered:
        text = "There is no finished backup in the store."
        if found.unreadable:
            text += f" {found.unreadable[0][1]}"
        raise BackupError("BackupMissing", text)
    if before is None:
        return ordered[-1]
    older = [each for each in ordered if each.started <= before]
    if not older:
        oldest = ordered[0]
        text = f"No backup is as old as {before.isoformat()}; the oldest is {oldest.name}, of {_time(oldest)}."
        raise BackupError("BackupMissing", text)
    return older[-1]


def _named(found: Inventory, name: str) -> Catalogue:
    for each in found.good:
        if each.name == name:
            return each
    for unreadable, why in found.unreadable:
        if unreadable == name:
            raise BackupError("CatalogueUnusable", why)
    if any(each.name == name for each in found.begun):
        text = f"The backup {name} has no catalogue: it is still being made, or its run was interrupted."
        raise BackupError("BackupUnfinished", text)
    names = [each.name for each in reversed(_by_age(found.good))]
    there = f"There are {_listed(names)}." if names else "There is none."
    raise BackupError("BackupMissing", f"There is no backup {name} in the store. {there}")


def _by_age(good: Iterable[Catalogue]) -> list[Catalogue]:
    return sorted(good, key=lambda each: (each.started, each.name))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} older ones" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _time(each: Catalogue) -> str:
    return each.started.isoformat(timespec="seconds")
