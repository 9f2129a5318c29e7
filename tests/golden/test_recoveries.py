"""What a backup leaves for the volumes of a managed Milvus, and what is made of it, against files."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from semantic_router_operator.api.validate import parse
from semantic_router_operator.cli import to_yaml
from semantic_router_operator.render.milvus_changes import settled
from semantic_router_operator.render.milvus_recovery import recovery
from semantic_router_operator.render.snapshots import snapshots_of

FOLDER = Path(__file__).parent / "recoveries"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_snapshots_and_the_claims_made_from_them(case: Path, update_golden: bool) -> None:
    resource = parse(yaml.safe_load((case / "resource.yaml").read_text(encoding="utf-8")))
    claims: list[dict[str, Any]] = list(yaml.safe_load_all((case / "claims.yaml").read_text(encoding="utf-8")))
    managed = resource.spec.milvus.managed if resource.spec.milvus is not None else None
    assert managed is not None
    assert managed.from_snapshots is not None
    cut = snapshots_of(resource, settled(managed, None), claims, managed.from_snapshots.backup, {"fast": "fast-cuts"})
    ready = [each | {"status": {"readyToUse": True, "restoreSize": "10Gi"}} for each in cut]
    text = to_yaml([*cut, *recovery(resource, managed, ready, []).claims])
    expected = case / "objects.yaml"
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
