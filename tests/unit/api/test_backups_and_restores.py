"""SemanticCacheBackup and SemanticCacheRestore, as the operator reads them."""

from typing import Any

import pytest

from semantic_router_operator.api.validate import InvalidResource, parse_backup, parse_restore

Json = dict[str, Any]


def _raw(kind: str, **spec: Any) -> Json:
    return {
        "apiVersion": "semanticrouter.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"routerRef": {"name": "semantic-router"}, **spec},
    }


def test_a_backup_needs_no_more_than_its_router() -> None:
    found = parse_backup(_raw("SemanticCacheBackup"))
    assert found.spec.router_ref.name == "semantic-router"
    assert found.spec.engine is None


def test_a_backup_of_nothing_is_refused() -> None:
    raw = _raw("SemanticCacheBackup")
    raw["spec"] = {}
    with pytest.raises(InvalidResource, match="routerRef"):
        parse_backup(raw)


@pytest.mark.parametrize("choice", [{"name": "sr_1"}, {"latest": True}, {"before": "2026-11-21T02:00:00Z"}])
def test_a_restore_names_one_backup(choice: Json) -> None:
    found = parse_restore(_raw("SemanticCacheRestore", backup=choice))
    assert found.spec.serving == "memory"


@pytest.mark.parametrize(
    "choice", [{}, {"latest": False}, {"name": "a", "latest": True}, {"before": "yesterday"}, {"name": "a-b"}]
)
def test_a_restore_of_no_or_two_backups_is_refused(choice: Json) -> None:
    with pytest.raises(InvalidResource, match=r"spec\.backup"):
        parse_restore(_raw("SemanticCacheRestore", backup=choice))
