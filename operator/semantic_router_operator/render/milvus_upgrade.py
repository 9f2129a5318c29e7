"""An upgrade of a managed Milvus waits for a backup: no Milvus reads what a later version has written.

The SemanticCacheBackup itself is all that is remembered. Its name says for which version it was made, so that whoever
takes over after a kill finds it; one that has failed holds the version until a person deletes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantic_router_operator.api.semantic_cache_backup import KIND
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_changes import Settled
from semantic_router_operator.render.milvus_config import milvus_in_use

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What comes of a version that is asked for: what is sent, the backup that is to be there, and why it waits or is
    not carried out."""

    settled: Settled
    backup: Object | None = None
    waiting: str = ""
    refused: str = ""


def upgrade_of(resource: SemanticRouter, facts: ClusterFacts, final: Settled) -> Upgrade:
    """Hold the version of `final` back until a backup of what the Milvus holds has succeeded."""
    there = _version((facts.milvus.get(names.milvus(resource)) or {}).get("components"))
    milvus = milvus_in_use(resource)
    saved = resource.spec.backup is not None and milvus is not None and milvus.managed is not None
    if not there or there == final.version or not saved:
        return Upgrade(final)
    name = f"{resource.metadata.name}-before-{final.version}"
    state = facts.backups.get(name)
    phase = state.phase if state is not None else ""
    if phase == "Succeeded":
        return Upgrade(final)
    held, subject = replace(final, version=there), f"{KIND}/{name}"
    said = f" {state.message.rstrip('.')}." if state is not None and state.message else ""
    if phase == "Failed":
        refused = (
            f"spec.milvus.managed.version stays {there} and does not become {final.version}, for the backup before it"
            f" has failed:{said} Delete {subject} to try again, or set the version back to {there}."
        )
        return Upgrade(held, refused=refused)
    waiting = f"Milvus stays at {there} until {subject} has succeeded, and then becomes {final.version}.{said}"
    return Upgrade(held, _backup(resource, name), waiting=waiting)


def _version(components: Any) -> str:
    found = components.get("version") if isinstance(components, Mapping) else None
    return str(found or "").removeprefix("v")


def _backup(resource: SemanticRouter, name: str) -> Object:
    return {
        "apiVersion": resource.api_version,
        "kind": KIND,
        "metadata": metadata(resource, name),
        "spec": {"routerRef": {"name": resource.metadata.name}},
    }
