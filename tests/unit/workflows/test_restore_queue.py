"""Which restore begins, and what is said to the others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.workflows.machine import Progress
from semantic_router_operator.workflows.migration import Migration, State
from semantic_router_operator.workflows.placement import Placement
from semantic_router_operator.workflows.restore import Restore, begun
from semantic_router_operator.workflows.restore_queue import Answer, Asked, outlook

Json = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
S3: Json = {"endpoint": "https://s3.example.org", "bucket": "backups", "credentialsSecretRef": {"name": "s3"}}
SPEC: Json = {"routerRef": {"name": "sr"}, "backup": {"latest": True}}
TOKEN: Json = {"adminTokenSecretRef": {"name": "admin", "key": "token"}}
EXTERNAL: Json = {"milvus": {"external": {"address": "milvus:19530"}}, "backup": {"s3": S3}}
LITE: Json = {"router": {**TOKEN, "replicas": 1}, "backup": {"s3": S3}}


def resource(spec: Json) -> SemanticRouter:
    return parse({"metadata": {"name": "sr", "namespace": "a", "uid": "owner"}, "spec": spec})


def asked(name: str = "one", seconds: int = 0, status: Json | None = None, **spec: object) -> Asked:
    created = (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": created}
    return Asked.read({"metadata": metadata, "spec": {**SPEC, **spec}, "status": status or {}})


def state_of(found: SemanticRouter) -> State:
    return State(Placement.wanted(found))


def answer(spec: Json, one: Asked, state: State | None = None, stopped: str = "", later: int = 0) -> Answer | None:
    """What is said to the only one; None where it begins."""
    found = resource(spec)
    seen = outlook(found, state or state_of(found), None, [one], stopped, NOW + timedelta(seconds=later))
    assert (seen.next is None) is bool(seen.answers)
    return seen.answers.get(one.uid)


def restore(name: str, *, outcome: str = "") -> Restore:
    placement = Placement.wanted(resource(EXTERNAL))
    found = begun(f"uid-{name}", name, RestoreSpec.model_validate(SPEC), placement, NOW)
    return replace(found, progress=Progress("", NOW, outcome=outcome)) if outcome else found


def test_the_oldest_begins_and_the_others_wait() -> None:
    found = resource(EXTERNAL)
    every = [asked("late", 2), asked("early", 1), asked("ended", 0, {"phase": "Failed"})]
    seen = outlook(found, state_of(found), None, every, "", NOW)
    assert seen.next is not None
    assert seen.next.name == "early"
    assert {uid: each.message for uid, each in seen.answers.items()} == {
        "uid-late": "SemanticCacheRestore/early comes first; one at a time."
    }


def test_one_at_a_time() -> None:
    found = resource(EXTERNAL)
    seen = outlook(found, state_of(found), restore("one"), [asked("one"), asked("two")], "", NOW)
    assert seen.next is None
    assert "SemanticCacheRestore/one is under way" in seen.answers["uid-two"].message


def test_the_outcome_of_the_last_one_stands_with_it_before_the_next_begins() -> None:
    found = resource(EXTERNAL)
    last = restore("one", outcome="Completed")
    untold = [asked("one", status={"phase": "Running"}), asked("two")]
    assert outlook(found, state_of(found), last, untold, "", NOW).next is None
    told = [asked("one", status={"phase": "Succeeded"}), asked("two")]
    seen = outlook(found, state_of(found), last, told, "", NOW)
    assert seen.next is not None
    assert seen.next.name == "two"


def test_a_migration_comes_first() -> None:
    found = resource(EXTERNAL)
    placement = Placement.wanted(found)
    migration = Migration("id", "cause", placement, placement, NOW, Progress("Warming", NOW))
    said = answer(EXTERNAL, asked(), State(placement, migration))
    assert said is not None
    assert said.phase == "Pending"
    assert "A migration is under way (Warming)" in said.message


def test_a_managed_milvus_that_is_being_made_is_waited_for() -> None:
    spec: Json = {"milvus": {"managed": {}}, "backup": {}}
    wanted = Placement.wanted(resource(spec))
    memory = replace(wanted, backend="memory")
    begins = State(memory, Migration("id", "cause", memory, wanted, NOW, Progress("Provisioning", NOW)))
    said = answer(spec, asked(), begins)
    assert said is not None
    assert (said.phase, "Provisioning" in said.message) == ("Pending", True)


@pytest.mark.parametrize(
    ("spec", "asks", "words"),
    [
        ({"milvus": {"external": {"address": "milvus:19530"}}}, {}, "has no spec.backup that"),
        ({**EXTERNAL, "cache": {"enabled": False}}, {}, "spec.cache.enabled"),
        ({"router": TOKEN, "backup": {"s3": S3}}, {}, "keeps answers in memory only"),
        ({**LITE, "milvus": {"embedded": {}}}, {}, "without a volume"),
        ({**LITE, "milvus": {"embedded": {"storage": {"size": "1Gi"}}}}, {}, "serving: stopped"),
    ],
)
def test_what_can_never_be_is_refused_in_words(spec: Json, asks: Json, words: str) -> None:
    said = answer(spec, asked(**asks))
    assert said is not None
    assert (said.phase, said.reason) == ("Failed", "Refused")
    assert words in said.message


@pytest.mark.parametrize(
    ("spec", "asks"),
    [
        (EXTERNAL, {}),
        ({"milvus": {"external": {"address": "milvus:19530"}}}, {"storage": S3}),
        ({"milvus": {"managed": {}}, "backup": {}}, {}),
        ({**LITE, "milvus": {"embedded": {"storage": {"size": "1Gi"}}}}, {"serving": "stopped"}),
    ],
)
def test_what_can_be_begins(spec: Json, asks: Json) -> None:
    assert answer(spec, asked(**asks)) is None


def test_what_waits_too_long_is_given_up() -> None:
    one = asked(timeoutSeconds=60)
    waits = answer(EXTERNAL, one, stopped="It is suspended.")
    assert waits is not None
    assert (waits.phase, waits.message) == ("Pending", "It is suspended.")
    over = answer(EXTERNAL, one, stopped="It is suspended.", later=60)
    assert over is not None
    assert (over.phase, over.reason) == ("Failed", "WaitedTooLong")


def test_without_its_router_it_waits_and_one_that_had_begun_has_failed() -> None:
    missing = "There is no SemanticRouter sr in this namespace."
    begun_one = asked("two", status={"phase": "Running"})
    seen = outlook(None, State(), None, [asked("one"), begun_one], missing, NOW)
    assert seen.next is None
    assert seen.answers["uid-one"] == Answer("Pending", "Waiting", missing)
    assert seen.answers["uid-two"].reason == "Interrupted"


def test_a_spec_that_got_past_admission_is_refused_by_its_field() -> None:
    said = answer(EXTERNAL, asked(timeoutSeconds=1))
    assert said is not None
    assert (said.phase, said.reason) == ("Failed", "Invalid")
    assert "spec.timeoutSeconds" in said.message
