"""What of the probes' findings stands in the status for others to read."""

from datetime import UTC, datetime

from semantic_router_operator.plan.probed import CollectionState, LookupPeriod, MilvusState, PodState, Probed
from semantic_router_operator.plan.seen import milvus_of, total, with_seen

SINCE = datetime(2026, 11, 21, tzinfo=UTC)
READY = {"type": "MilvusReady", "status": "True"}
WELL = MilvusState(True, True, "2.6.4", CollectionState("c_v1", 23_456, "HNSW", "IP", True))


def _pod(*periods: tuple[str, int, int]) -> PodState:
    return PodState("p", lookups=tuple(LookupPeriod(epoch, "policy", SINCE, *counts) for epoch, *counts in periods))


def test_what_milvus_holds_is_read_back_from_the_status() -> None:
    status = with_seen({"conditions": [READY]}, "e", Probed((), WELL))
    assert status["milvus"]["rows"] == 20_000
    found = milvus_of({"status": status})
    assert found is not None
    assert found.collection == WELL.collection
    few = MilvusState(True, True, "2.6.4", CollectionState("c_v1", 9_999, "", None, None))
    assert with_seen({"conditions": [READY]}, "e", Probed((), few))["milvus"] == {
        "version": "2.6.4",
        "collection": "c_v1",
        "indexType": "",
    }


def test_a_milvus_that_fails_is_not_told_as_well_and_one_that_is_gone_is_forgotten() -> None:
    status = with_seen({"conditions": [READY]}, "e", Probed((), WELL))
    away = MilvusState(False, False, reason="Unreachable")
    failing = with_seen({**status, "conditions": [{**READY, "status": "False"}]}, "e", Probed((), away))
    assert failing["milvus"] == status["milvus"]
    assert milvus_of({"status": failing}) is None
    assert "milvus" not in with_seen({**status, "conditions": []}, "e", Probed(()))


def test_lookups_are_written_once_when_a_change_is_on_its_way() -> None:
    pods = Probed((_pod(("old", 30, 10), ("new", 1, 1)), _pod(("old", 20, 10))))
    calm = with_seen({"configEpoch": "old"}, "old", pods)
    assert "lookups" not in calm
    changing = with_seen(calm, "new", pods)
    assert changing["lookups"] == {"configEpoch": "old", "policyEpoch": "policy", "hits": 50, "misses": 20}
    assert with_seen(changing, "new", Probed((_pod(("old", 99, 99)),))) == changing
    assert with_seen({**changing, "configEpoch": "new"}, "new", pods)["lookups"] == changing["lookups"]
    # And back: what is remembered is always of the configuration before.
    again = with_seen({**changing, "configEpoch": "new"}, "old", pods)
    assert again["lookups"]["configEpoch"] == "new"


def test_a_configuration_that_no_pod_has_run_has_no_lookups() -> None:
    assert total((_pod(("old", 1, 1)),), "other") is None
    assert with_seen({"configEpoch": "x"}, "y", Probed((_pod(("x", 0, 0)),))) == {"configEpoch": "x"}
