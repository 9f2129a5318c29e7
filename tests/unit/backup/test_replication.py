"""What a bucket says of its versioning and replication, and the sentences for what is missing."""

from typing import Any

import pytest

from semantic_router_operator.backup.replication import Protection, judge

ON = {"Status": "Enabled"}


def rules(*found: dict[str, Any]) -> dict[str, Any]:
    return {"ReplicationConfiguration": {"Role": "", "Rules": list(found)}}


def rule(status: str = "Enabled", **more: Any) -> dict[str, Any]:
    return {"Status": status, "Destination": {"Bucket": "arn:aws:s3:::backups-dr"}, **more}


def test_all_is_well() -> None:
    found = judge(ON, rules(rule(Filter={"Prefix": ""})), "shop/router")
    assert found == Protection("on", "on", ("backups-dr",))
    assert found.missing("backups") == []
    assert found.told() == {"versioning": "on", "replication": "on", "targets": ["backups-dr"]}


@pytest.mark.parametrize(
    "replication",
    [
        None,
        rules(),
        rules(rule("Disabled")),
        rules(rule(Filter={"Prefix": "logs/"})),
        rules(rule(Filter={"And": {"Prefix": "logs/"}})),
        rules(rule(Prefix="shop/router2")),
    ],
)
def test_replication_of_something_else_is_none(replication: dict[str, Any] | None) -> None:
    found = judge(ON, replication, "shop/router")
    assert found.replication == "off"
    assert "not replicated" in found.missing("backups")[0]


def test_old_versions_that_are_not_kept_and_what_may_not_be_seen() -> None:
    assert "mc version enable ALIAS/backups" in judge({"Status": "Suspended"}, None, "p").missing("backups")[0]
    assert judge(None, None, "p").versioning == "off"
    assert "s3:GetBucketVersioning" in Protection("unknown", "unknown").missing("backups")[0]
