"""From the raw resource and the cluster's facts to what is desired, or to what is wrong, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import InvalidResource, parse
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.key import PAUSE_ANNOTATION
from semantic_router_operator.plan.managed import Managed
from semantic_router_operator.plan.reconcile import Desired
from semantic_router_operator.render import names
from semantic_router_operator.render.backup_pods import backup_secrets
from semantic_router_operator.render.deployment import referenced_secrets
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.mentions import Mention, mentions
from semantic_router_operator.render.milvus import managed_of, outliving, refused_changes, waiting_upgrade
from semantic_router_operator.render.milvus_address import milvus_address
from semantic_router_operator.render.milvus_volumes import growth, tight
from semantic_router_operator.render.missing import missing_kinds
from semantic_router_operator.render.objects import endpoint
from semantic_router_operator.render.router_config import router_config
from semantic_router_operator.workflows import migration_status, restore_status
from semantic_router_operator.workflows.migration import State
from semantic_router_operator.workflows.migration_objects import asked as as_asked
from semantic_router_operator.workflows.migration_objects import (
    in_force,
    kept_milvus,
    managed_ones,
    objects_of,
    sides,
)
from semantic_router_operator.workflows.restore import Restore
from semantic_router_operator.workflows.restore_objects import as_run, objects_while, waiting

Secrets = dict[str, frozenset[str]]


@dataclass(frozen=True)
class NeededSecrets:
    """Secrets by name, with the keys that must be in them: of the pods, of what the resource asks for, of the
    backups' Jobs, and all."""

    pods: Secrets = field(default_factory=dict)
    asked: Secrets = field(default_factory=dict)
    backups: Secrets = field(default_factory=dict)
    all: Secrets = field(default_factory=dict)


def secrets_of(raw: Mapping[str, Any]) -> NeededSecrets:
    """The Secrets that the resource refers to; none for one that is not valid."""
    try:
        resource, state = parse(raw), migration_status.load(raw.get("status") or {})
    except InvalidResource:
        return NeededSecrets()
    pods = referenced_secrets(in_force(resource, state))
    asked = referenced_secrets(as_asked(resource, state))
    backups = backup_secrets(in_force(resource, state))
    everything = [pods, asked, backups]
    if state.migration is not None and state.migration.running:
        everything += map(referenced_secrets, sides(resource, state.migration))
    names = sorted({name for each in everything for name in each})
    none: frozenset[str] = frozenset()
    return NeededSecrets(
        pods, asked, backups, {name: none.union(*(each.get(name, none) for each in everything)) for name in names}
    )


def secret_keys_of(raw: Mapping[str, Any]) -> Secrets:
    """All Secrets that the resource refers to, with the keys that must be in them; none for one that is not valid."""
    return secrets_of(raw).all


def managed_of_raw(raw: Mapping[str, Any]) -> list[SemanticRouter]:
    """The resource once for each managed Milvus that is looked after, the one that pods use first; none for one that
    is not valid."""
    status = raw.get("status") or {}
    migration = status.get("migration") or {}
    places = (raw.get("spec"), status.get("placement"), migration.get("from"), migration.get("to"))
    if not any("managed" in ((each or {}).get("milvus") or {}) for each in places):
        return []
    try:
        return managed_ones(parse(raw), migration_status.load(status))
    except InvalidResource:
        return []


def _managed(resource: SemanticRouter, state: State, facts: ClusterFacts) -> Managed | None:
    views = [(each, managed) for each in managed_ones(resource, state) if (managed := managed_of(each)) is not None]
    kept = kept_milvus(resource, state)
    if not views and not kept:
        return None
    return Managed(
        refused=[sentence for each, _ in views for sentence in refused_changes(each, facts)],
        claims=[claim for each, managed in views for claim in growth(each, managed, facts).claims],
        warnings={names.milvus(each): tight(each, managed) for each, managed in views},
        outlives=[what for each, managed in views if managed.retained for what in outliving(each, managed)],
        kept=kept,
        used=names.milvus(views[0][0]) if views else "",
    )


def _waiting(resource: SemanticRouter, facts: ClusterFacts) -> Condition | None:
    """Why Milvus is not of the version that is asked for; None where it is, or will never be."""
    said = waiting_upgrade(resource, facts)
    return Condition("Ready", "False", "BackupBeforeUpgrade", said) if said else None


def mentions_of(raw: Mapping[str, Any]) -> list[Mention]:
    """What the resource's pod template mentions; nothing for one that is not valid."""
    try:
        return mentions(parse(raw))
    except InvalidResource:
        return []


def desired_of(raw: Mapping[str, Any], facts: ClusterFacts, secret_problems: Sequence[str]) -> Desired:
    """Never raises for what a user wrote."""
    paused = (raw["metadata"].get("annotations") or {}).get(PAUSE_ANNOTATION) == "true"
    try:
        resource, state = parse(raw), migration_status.load(raw.get("status") or {})
        restore, usual = restore_status.load(raw.get("status") or {}), in_force(resource, state)
        told = (
            migration_status.condition(resource, state.migration),
            restore_status.condition(restore, waiting(resource, state)),
        )
        return Desired(
            objects=_objects(resource, state, restore, facts),
            suspended=resource.spec.suspend or paused,
            status=_status(resource),
            secret_problems=secret_problems,
            skipped=[sentence for _, sentence in missing_kinds(resource, facts)],
            epoch=router_config(as_run(resource, state, restore)).config_epoch,
            milvus=milvus_address(usual, facts),
            conditions=[each for each in told if each is not None],
            hindrance=restore_status.hindrance(restore)
            or migration_status.trouble(resource, state)
            or _waiting(usual, facts),
            managed=_managed(resource, state, facts),
        )
    except InvalidResource as error:
        return Desired(problems=[str(problem) for problem in error.problems], suspended=paused)
    except ValueError as error:
        # The router's own models refuse what the resource's schema lets through.
        return Desired(problems=[str(error)], suspended=paused)


def _objects(
    resource: SemanticRouter, state: State, restore: Restore | None, facts: ClusterFacts
) -> list[dict[str, Any]]:
    if restore is not None and restore.running:
        return objects_while(resource, state, restore, facts)
    return objects_of(resource, state, facts)


def _status(resource: SemanticRouter) -> dict[str, Any]:
    return {
        "endpoint": endpoint(resource),
        "selector": ",".join(f"{key}={value}" for key, value in names.selector(resource).items()),
    }
