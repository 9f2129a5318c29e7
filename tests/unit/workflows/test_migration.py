"""Migrations as data: every look goes through the status, as after a kill."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_router_operator.api.migration import MigrationStatus, PlacementStatus
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.render import names
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.migration import State, cause_of, decide, wake_in
from semantic_router_operator.workflows.migration_objects import kept_milvus, with_modes
from semantic_router_operator.workflows.migration_status import condition, dump, load, trouble
from semantic_router_operator.workflows.migration_verdicts import JobState, Observation, PodReport, Rollout, Traffic
from semantic_router_operator.workflows.placement import Managed, Placement, placed

Json = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MEMORY: Json = {"cache": {"backend": "memory"}}
HYBRID: Json = {"cache": {"backend": "hybrid"}, "milvus": {"external": {"address": "milvus:19530"}}}
MILVUS: Json = {**HYBRID, "cache": {"backend": "milvus"}}
OTHER: Json = {"cache": {"backend": "hybrid"}, "milvus": {"external": {"address": "other:19530"}}}
MANAGED: Json = {"milvus": {"managed": {}}}
CLUSTER: Json = {"milvus": {"managed": {"mode": "cluster"}}}
EMBEDDED: Json = {"router": {"replicas": 1}, "milvus": {"embedded": {}}}
MODEL: Json = {**HYBRID, "cache": {"backend": "hybrid", "embedding": {"model": "other", "revision": "2"}}}
TOKEN: Json = {"router": {"adminTokenSecretRef": {"name": "admin", "key": "token"}}}
SPECS = (MEMORY, HYBRID, MILVUS, OTHER, MANAGED, CLUSTER, EMBEDDED, MODEL)
GOOD = Observation(
    job=JobState("succeeded", "7 answers were put in"),
    rollout=Rollout(done=True),
    pods=(PodReport("a", backend="hybrid", traffic=Traffic(100, 0), hits=40),),
)


def resource(spec: Json, annotations: dict[str, str] | None = None, name: str = "sr") -> SemanticRouter:
    metadata = {"name": name, "namespace": "a", "uid": "owner", "annotations": annotations or {}}
    return parse({"metadata": metadata, "spec": spec})


class Life:
    """A resource whose status is all that is remembered from look to look."""

    def __init__(self, spec: Json, name: str = "sr") -> None:
        self.spec = spec
        self.name = name
        self.status: Json = {}
        self.now = NOW
        self.steps: list[str] = []
        self.look(Observation())

    @property
    def state(self) -> State:
        return load(self.status)

    @property
    def placement(self) -> Placement:
        placement = self.state.placement
        assert placement is not None
        return placement

    @property
    def step(self) -> str:
        migration = self.state.migration
        return "" if migration is None else migration.progress.step or migration.progress.outcome

    def look(self, seen: Observation, spec: Json | None = None, seconds: int = 1) -> str:
        self.spec = self.spec if spec is None else spec
        self.now += timedelta(seconds=seconds)
        asked = resource(self.spec, name=self.name)
        state = decide(asked, self.state, seen, cause_of(asked, self.state, {}), self.now)
        self.status = json.loads(json.dumps(dump(asked, state)))
        assert load(self.status) == state
        # What is written is what the definition of the resource lets through.
        PlacementStatus.model_validate(self.status["placement"])
        if self.status["migration"] is not None:
            MigrationStatus.model_validate(self.status["migration"])
        if self.step not in self.steps[-1:]:
            self.steps.append(self.step)
        return self.step

    def until_over(self, seen: Observation) -> list[str]:
        """Look until the migration has ended; return its steps."""
        for _ in range(20):
            migration = self.state.migration
            if migration is not None and not migration.running:
                return [step for step in self.steps if step]
            self.look(seen, seconds=int(wake_in(resource(self.spec), migration, self.now) or 1))
        raise AssertionError(self.steps)


def changed(before: Json, after: Json) -> Life:
    life = Life(before)
    assert life.status["migration"] is None
    life.look(Observation(), after)
    return life


@pytest.mark.parametrize("spec", [MEMORY, HYBRID, MILVUS, EMBEDDED, MODEL])
def test_what_is_there_from_the_beginning_needs_no_migration(spec: Json) -> None:
    life = Life(spec)
    assert life.status["migration"] is None
    assert placed(resource(spec), life.placement) == resource(spec)


def test_a_managed_milvus_is_waited_for_in_memory() -> None:
    life = Life(MANAGED)
    assert (life.step, life.placement.backend) == (steps.PROVISIONING, "memory")
    asked = placed(resource(MANAGED), life.placement)
    assert asked.backend == "memory"
    assert asked.spec.milvus is not None
    life.look(Observation(obstacle="milvus-operator is not installed."), seconds=10**7)
    assert life.step == steps.PROVISIONING
    told = condition(resource(MANAGED), life.state.migration)
    assert told is not None
    assert "milvus-operator is not installed. Then: Verifying." in told.message


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (MEMORY, HYBRID, ["Provisioning", "Verifying", "Switching", "Validating"]),
        (MEMORY | TOKEN, HYBRID | TOKEN, ["Provisioning", "Verifying", "Warming", "Switching", "Validating"]),
        (HYBRID, MEMORY, ["Switching", "Validating"]),
        (HYBRID, MILVUS, ["Switching", "Validating"]),
        (HYBRID, OTHER, ["Provisioning", "Verifying", "Warming", "Switching", "CatchingUp", "Validating"]),
        (HYBRID, MODEL, ["Reembedding", "Switching", "Validating"]),
        (EMBEDDED, HYBRID, ["Provisioning", "Verifying", "Switching", "Validating"]),
        (MEMORY, EMBEDDED, ["Switching", "Validating"]),
        (MEMORY, MANAGED | {"migration": {"strategy": "immediate"}}, ["Provisioning", "Switching"]),
        (HYBRID, MODEL | {"migration": {"strategy": "immediate"}}, ["Reembedding", "Switching"]),
        (HYBRID, OTHER | {"migration": {"warm": False}}, ["Provisioning", "Verifying", "Switching", "Validating"]),
    ],
)
def test_steps(before: Json, after: Json, expected: list[str]) -> None:
    life = changed(before, after)
    backend = resource(after).backend
    report = replace(GOOD.pods[0], backend=backend)
    assert life.until_over(replace(GOOD, pods=(report,))) == [*expected, "Completed"]
    assert life.placement.identity == Placement.wanted(resource(after)).identity


def test_pods_keep_their_placement_until_the_switch() -> None:
    life = changed(MEMORY | TOKEN, HYBRID | TOKEN)
    backends = {}
    while life.step != steps.COMPLETED:
        backends[life.step] = life.placement.backend
        life.look(GOOD, seconds=400)
    assert backends == {
        "Provisioning": "memory",
        "Verifying": "memory",
        "Warming": "memory",
        "Switching": "hybrid",
        "Validating": "hybrid",
    }


def test_a_cache_that_begins_empty_is_told() -> None:
    told = condition(resource(HYBRID), changed(MEMORY, HYBRID).state.migration)
    assert told is not None
    assert "spec.router.adminTokenSecretRef" in told.message


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (replace(GOOD, pods=(replace(GOOD.pods[0], traffic=Traffic(100, 5)),)), "5 of 100 requests failed"),
        (replace(GOOD, pods=(replace(GOOD.pods[0], store_available=False),)), "Pod/a does not reach Milvus"),
        (replace(GOOD, pods=(replace(GOOD.pods[0], backend="memory"),)), "runs backend memory"),
        (replace(GOOD, rollout=Rollout(failed="Pod/b is killed for its memory")), "killed for its memory"),
    ],
)
def test_what_does_not_hold_is_rolled_back(seen: Observation, says: str) -> None:
    life = changed(MEMORY, HYBRID)
    while life.look(GOOD) != steps.VALIDATING:
        pass
    assert life.look(seen) == steps.VALIDATING
    assert life.look(seen, seconds=300) == steps.ROLLING_BACK
    assert life.placement.backend == "memory"
    assert life.look(GOOD) == steps.ROLLED_BACK
    blocked = trouble(resource(HYBRID), life.state)
    assert blocked is not None
    assert (blocked.reason, says in blocked.message) == ("MigrationRolledBack", True)
    # The same is not tried over and over, something else is.
    assert life.look(GOOD, seconds=10**6) == steps.ROLLED_BACK
    assert life.look(GOOD, OTHER) == steps.PROVISIONING


@pytest.mark.parametrize(
    "seen",
    [
        replace(GOOD, pods=(replace(GOOD.pods[0], problem="no route"),)),
        replace(GOOD, rollout=Rollout(message="1 of 2 pods are ready")),
    ],
)
def test_what_may_pass_is_waited_for_and_not_for_ever(seen: Observation) -> None:
    life = changed(MEMORY, HYBRID)
    while life.look(GOOD) != steps.VALIDATING:
        pass
    assert life.look(seen, seconds=301) == steps.VALIDATING
    assert life.look(seen, seconds=300) == steps.ROLLING_BACK
    life = changed(MEMORY, HYBRID)
    while life.look(GOOD) != steps.VALIDATING:
        pass
    life.look(seen, seconds=301)
    assert life.look(GOOD) == steps.COMPLETED


def test_a_file_that_a_pod_has_open_keeps_its_model() -> None:
    other = EMBEDDED | {"cache": {"embedding": {"revision": "2"}}}
    life = changed(EMBEDDED, other)
    assert life.step == steps.FAILED
    assert life.placement.identity == Placement.wanted(resource(EMBEDDED)).identity
    assert life.look(GOOD, EMBEDDED) == steps.FAILED
    assert trouble(resource(EMBEDDED), life.state) is None


def _in_managed(spec: Json) -> Life:
    """A resource whose pods use a managed Milvus."""
    life = Life(spec)
    life.until_over(GOOD)
    assert life.step == steps.COMPLETED
    return life


def _kept(life: Life) -> set[str]:
    return set(kept_milvus(resource(life.spec), life.state))


@pytest.mark.parametrize("settings", [{}, {"migration": {"strategy": "immediate"}}])
def test_another_mode_is_another_milvus_beside_the_first_until_its_entries_are_copied(settings: Json) -> None:
    life = _in_managed(MANAGED | settings)
    assert (str(life.placement), _kept(life)) == ("hybrid (managed Milvus, collection semantic_cache)", {"sr"})
    life.look(GOOD, CLUSTER | settings)
    assert str(life.placement) == "hybrid (managed Milvus, collection semantic_cache)"
    life.steps.clear()
    while life.step != steps.COMPLETED:
        assert _kept(life) == {"sr", "sr-milvus-cluster"}
        life.look(GOOD, seconds=400)
    assert life.steps == ["Verifying", "Warming", "Switching", "CatchingUp", "Validating", "Completed"]
    assert str(life.placement) == "hybrid (managed Milvus sr-milvus-cluster, collection semantic_cache)"
    assert _kept(life) == {"sr-milvus-cluster"}
    in_use = placed(resource(CLUSTER), life.placement)
    assert (names.milvus(in_use), names.milvus_host(in_use)) == (
        "sr-milvus-cluster", "sr-milvus-cluster-milvus.a.svc",
    )  # fmt: skip
    # And back: under the first name again.
    life.look(GOOD, MANAGED | settings)
    life.until_over(GOOD)
    assert (str(life.placement), _kept(life)) == ("hybrid (managed Milvus, collection semantic_cache)", {"sr"})


def test_a_milvus_that_is_gone_back_from_stays_as_long_as_it_is_asked_for() -> None:
    life = _in_managed(MANAGED)
    life.look(GOOD, CLUSTER)
    while life.look(GOOD) != steps.VALIDATING:
        pass
    away = replace(GOOD, pods=(replace(GOOD.pods[0], store_available=False),))
    assert life.look(away, seconds=300) == steps.ROLLING_BACK
    assert life.look(GOOD) == steps.ROLLED_BACK
    assert (life.placement.store, _kept(life)) == (("managed", "", "semantic_cache"), {"sr", "sr-milvus-cluster"})
    life.look(GOOD, MANAGED)
    assert (life.step, _kept(life)) == (steps.ROLLED_BACK, {"sr"})


def test_what_was_not_copied_is_not_deleted() -> None:
    life = _in_managed(MANAGED)
    life.look(GOOD, CLUSTER)
    while life.look(GOOD) != steps.CATCHING_UP:
        pass
    while life.step == steps.CATCHING_UP:
        life.look(replace(GOOD, job=JobState("failed", "Milvus does not answer", 1)), seconds=400)
    assert (life.step, _kept(life)) == (steps.UNVALIDATED, {"sr", "sr-milvus-cluster"})


@pytest.mark.parametrize(
    ("name", "spec", "says"),
    [
        ("sr", CLUSTER | {"cache": {"embedding": {"revision": "2"}}}, "change one after the other"),
        ("a-name-that-is-rather-long", CLUSTER, "allow for 38 letters"),
    ],
)
def test_a_second_milvus_that_could_not_take_over_is_not_begun(name: str, spec: Json, says: str) -> None:
    life = Life(MANAGED, name)
    life.until_over(GOOD)
    life.look(GOOD, spec)
    migration = life.state.migration
    assert migration is not None
    assert (migration.progress.outcome, says in migration.progress.message) == (steps.FAILED, True)


def test_while_pods_use_the_memory_the_mode_stays_and_then_the_entries_are_copied() -> None:
    life = _in_managed(MANAGED)
    life.look(GOOD, MANAGED | MEMORY)
    life.until_over(replace(GOOD, pods=()))
    life.look(GOOD, CLUSTER | MEMORY)
    assert (life.placement.managed, _kept(life)) == (Managed("", "standalone"), {"sr"})
    life.look(GOOD, CLUSTER)
    life.until_over(GOOD)
    assert life.placement.store == ("managed", "", "semantic_cache")
    assert life.look(GOOD) == steps.PROVISIONING
    life.until_over(GOOD)
    assert life.placement.store == ("managed", "sr-milvus-cluster", "semantic_cache")


def test_the_mode_that_a_milvus_really_has_counts() -> None:
    """An operator before this one refused another mode, and remembered what was asked for."""
    life = Life(MANAGED)
    life.until_over(GOOD)
    life.status["placement"]["milvus"] = CLUSTER["milvus"]
    owner = {"controller": True, "uid": "owner"}
    there = {"kind": "Milvus", "metadata": {"name": "sr", "ownerReferences": [owner]}, "spec": {"mode": "standalone"}}
    found = with_modes(resource(CLUSTER), life.state, [there]).placement
    assert found is not None
    assert found.managed == Managed("", "standalone")
    asked = Placement.wanted(resource(CLUSTER), found)
    assert asked.managed == Managed("sr-milvus-cluster", "cluster")
    stranger = {**there, "metadata": {"name": "sr"}}
    assert with_modes(resource(CLUSTER), life.state, [stranger]) == life.state


def test_a_milvus_that_was_left_keeps_its_name() -> None:
    """Its data may have been retained: another mode must not be made over it."""
    life = _in_managed(MANAGED)
    life.look(GOOD, HYBRID)
    life.until_over(GOOD)
    assert (_kept(life), life.placement.managed) == (set(), Managed("", "standalone"))
    for spec, name in ((CLUSTER, "sr-milvus-cluster"), (HYBRID, ""), (CLUSTER, "sr-milvus-cluster"), (MANAGED, "")):
        life.look(GOOD, spec)
        life.until_over(GOOD)
        assert life.placement.store[:2] == (("managed", name) if spec != HYBRID else ("external", "milvus:19530"))


def test_many_failures_end_the_window_early() -> None:
    life = changed(HYBRID, MILVUS)
    while life.look(GOOD) != steps.VALIDATING:
        pass
    failing = replace(GOOD, pods=(replace(GOOD.pods[0], traffic=Traffic(100, 30)),))
    assert life.look(failing) == steps.ROLLING_BACK


def test_failures_that_were_there_before_do_not_count() -> None:
    life = changed(HYBRID, MILVUS)
    failing = replace(GOOD, pods=(replace(GOOD.pods[0], traffic=Traffic(1000, 200), backend="milvus"),))
    # The baseline is taken at the switch; this one begins with it.
    assert life.step == steps.SWITCHING
    life = changed(MEMORY, HYBRID)
    failing = replace(failing, pods=(replace(failing.pods[0], backend="hybrid"),))
    assert life.until_over(failing)[-1] == steps.COMPLETED


def test_rollback_by_hand_leaves_the_pods() -> None:
    manual = HYBRID | {"migration": {"rollback": "manual"}}
    life = changed(MEMORY, manual)
    while life.look(GOOD) != steps.VALIDATING:
        pass
    life.look(replace(GOOD, pods=(replace(GOOD.pods[0], store_available=False),)), seconds=300)
    assert (life.step, life.placement.backend) == (steps.UNVALIDATED, "hybrid")
    assert trouble(resource(manual), life.state) is not None
    assert life.look(GOOD, MEMORY) == steps.SWITCHING


def test_asked_for_before_the_switch_it_is_given_up() -> None:
    life = changed(MEMORY, HYBRID)
    assert life.look(GOOD, MEMORY) == steps.CANCELLED
    assert life.placement.backend == "memory"
    assert life.look(GOOD, HYBRID) == steps.PROVISIONING


def test_asked_for_after_the_switch_it_is_rolled_back() -> None:
    life = changed(MEMORY, HYBRID)
    while life.look(GOOD) != steps.VALIDATING:
        pass
    assert life.look(GOOD, MEMORY) == steps.ROLLING_BACK
    assert life.look(GOOD, HYBRID) == steps.ROLLED_BACK
    assert life.look(GOOD) == steps.PROVISIONING


def test_a_model_goes_back_before_the_pods_do() -> None:
    life = changed(HYBRID, MODEL)
    assert life.look(replace(GOOD, job=JobState("failed", "too unlike", 3))) == steps.RESTORING_MODEL
    assert life.placement.identity == Placement.wanted(resource(MODEL)).identity
    assert life.look(GOOD) == steps.ROLLING_BACK
    assert life.placement.identity == Placement.wanted(resource(HYBRID)).identity
    assert life.look(GOOD) == steps.ROLLED_BACK


def test_a_job_is_tried_again_after_a_pause_and_not_for_ever() -> None:
    life = changed(HYBRID, OTHER)
    life.look(GOOD)
    failing = replace(GOOD, job=JobState("failed", "Milvus does not answer", 1))
    tried = set()
    while life.look(failing, seconds=400) == steps.VERIFYING:
        migration = life.state.migration
        assert migration is not None
        tried.add(migration.progress.trying)
    assert (tried, life.step) == ({1, 2, 3, 4, 5}, steps.FAILED)
    assert life.placement.identity == Placement.wanted(resource(HYBRID)).identity


def test_settings_that_leave_the_answers_where_they_are_are_taken_over() -> None:
    life = Life(HYBRID)
    tuned = {**HYBRID, "milvus": {**HYBRID["milvus"], "search": {"topk": 5}}}
    life.look(GOOD, tuned)
    assert life.status["migration"] is None
    assert placed(resource(tuned), life.placement) == resource(tuned)


def test_at_once_means_at_once() -> None:
    immediate = HYBRID | {"migration": {"strategy": "immediate"}}
    life = changed(MEMORY, immediate)
    assert life.status["migration"] is None
    assert life.placement.identity == Placement.wanted(resource(immediate)).identity


def test_a_retry_can_be_asked_for() -> None:
    asked = resource(HYBRID)
    again = resource(HYBRID, {"semanticrouter.dev/retry-migration": "1"})
    assert (
        len(
            {cause_of(asked, State(), {}), cause_of(again, State(), {}), cause_of(asked, State(), {"milvus-auth": "7"})}
        )
        == 3
    )


def test_what_is_said_to_be_nothing_is_not_remembered() -> None:
    said: Json = {"cache": {"embedding": {"model": None}}, "milvus": {"external": {"address": "a:1", "tls": None}}}
    dumped = Placement.wanted(resource(said)).dumped()
    assert dumped == {"backend": "hybrid", "milvus": {"external": {"address": "a:1"}}}


def test_a_status_that_cannot_be_read_is_none() -> None:
    for damaged in ({"placement": {"backend": "tape"}}, {"placement": 7, "migration": {"id": 1}}, {"migration": []}):
        assert load(damaged) == State()


JOBS = st.builds(
    JobState,
    st.sampled_from(["absent", "running", "succeeded", "failed"]),
    st.sampled_from(["", "x"]),
    st.sampled_from([None, 0, 1, 2, 3]),
)
ROLLOUTS = st.builds(Rollout, st.booleans(), st.sampled_from(["", "CrashLoopBackOff"]), st.just(""))
REPORTS = st.builds(
    PodReport,
    st.just("a"),
    st.sampled_from(["", "no route"]),
    st.sampled_from(["memory", "hybrid", "milvus"]),
    st.booleans(),
    st.builds(Traffic, st.integers(0, 100), st.integers(0, 100)),
)
LOOKS = st.builds(
    Observation, st.sampled_from(["", "not there yet"]), JOBS, ROLLOUTS, st.lists(REPORTS, max_size=2).map(tuple)
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(SPECS),
    st.lists(st.tuples(LOOKS, st.integers(0, 2000), st.one_of(st.none(), st.sampled_from(SPECS))), max_size=25),
    st.booleans(),
)
def test_any_sequence_ends_with_one_placement(
    first: Json, looks: list[tuple[Observation, int, Json | None]], manual: bool
) -> None:
    life = Life(first)
    for seen, seconds, spec in looks:
        asked = None if spec is None else spec | {"migration": {"rollback": "manual" if manual else "automatic"}}
        life.look(seen, asked, seconds)
        migration = life.state.migration
        if migration is not None and migration.running:
            # Pods run one of the two, and which one is told by the step alone.
            expected = migration.target if migration.on_target else migration.source
            assert life.placement.identity == expected.identity
    for _ in range(15):
        life.look(Observation(rollout=Rollout(done=True)), seconds=4000)
    migration = life.state.migration
    if migration is None:
        assert life.placement.identity == Placement.wanted(resource(life.spec)).identity
        return
    assert not migration.running
    wanted = Placement.wanted(resource(life.spec)).identity
    back = {steps.ROLLED_BACK, steps.FAILED}
    assert (life.placement.identity == wanted) is (migration.progress.outcome not in back) or (
        migration.progress.outcome in back and life.placement.identity == migration.source.identity
    )
