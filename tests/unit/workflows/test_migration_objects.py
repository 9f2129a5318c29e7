"""What is rendered while a resource moves: pods of one placement, and what the other needs meanwhile."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.migration_jobs import JobPlan, job_name
from semantic_router_operator.render.objects import render
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.machine import Progress
from semantic_router_operator.workflows.migration import Migration, State
from semantic_router_operator.workflows.migration_objects import objects_of, without_rivals
from semantic_router_operator.workflows.placement import Placement

Json = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FACTS = ClusterFacts()
EXTERNAL: Json = {
    "address": "milvus:19530",
    "credentialsSecretRef": {"name": "milvus-auth"},
    "tls": {"secretRef": {"name": "milvus-tls"}},
}
OTHER: Json = {"address": "other:19530", "credentialsSecretRef": {"name": "other-auth"}}
TOKEN: Json = {"router": {"replicas": 2, "adminTokenSecretRef": {"name": "admin", "key": "token"}}}


def resource(**spec: Any) -> SemanticRouter:
    metadata = {"name": "sr", "namespace": "a", "uid": "owner"}
    return parse({"metadata": metadata, "spec": {**TOKEN, "networkPolicy": {}, **spec}})


MEMORY = resource(cache={"backend": "memory"})
HYBRID = resource(cache={"backend": "hybrid"}, milvus={"external": EXTERNAL})
ELSEWHERE = resource(cache={"backend": "hybrid"}, milvus={"external": OTHER})
EMBEDDED = resource(router={"replicas": 1}, milvus={"embedded": {"storage": {}}})


def state(source: SemanticRouter, target: SemanticRouter, step: str, attempt: int = 1) -> State:
    before, after = Placement.wanted(source), Placement.wanted(target)
    migration = Migration("abcd1234", "cause", before, after, NOW, Progress(step, NOW, attempt))
    return State(after if migration.on_target else before, migration)


def found(objects: list[Json], kind: str, name: str = "") -> Json:
    return next(each for each in objects if each["kind"] == kind and (not name or each["metadata"]["name"] == name))


def containers(job: Json) -> dict[str, Json]:
    pod = job["spec"]["template"]["spec"]
    return {each["name"]: each for each in (*pod["initContainers"], *pod["containers"])}


def test_without_a_migration_nothing_is_added() -> None:
    assert objects_of(HYBRID, State(Placement.wanted(HYBRID)), FACTS) == render(HYBRID, FACTS)
    assert objects_of(HYBRID, State(), FACTS) == render(HYBRID, FACTS)


def test_before_the_switch_pods_are_those_of_the_old_placement() -> None:
    objects = objects_of(HYBRID, state(MEMORY, HYBRID, steps.VERIFYING), FACTS)
    assert found(objects, "Deployment") == found(render(MEMORY, FACTS), "Deployment")
    config = found(objects, "ConfigMap", "sr-migration")["data"]
    assert "backend_type: hybrid" in config["to-config.yaml"]
    assert "backend_type: memory" in config["from-config.yaml"]
    assert set(config) == {"from-config.yaml", "to-config.yaml", "to-milvus.yaml"}


def test_a_job_has_the_environment_of_the_pods_that_come() -> None:
    job = found(objects_of(HYBRID, state(MEMORY, HYBRID, steps.VERIFYING), FACTS), "Job")
    router = found(render(HYBRID, FACTS), "Deployment")["spec"]["template"]["spec"]
    container, connect = containers(job)["verify"], containers(job)["connect"]
    assert container["args"] == ["cache", "verify", "--config", "/app/config/config.yaml"]
    assert connect["args"] == ["check-connection", "--config", "/app/config/config.yaml"]
    assert connect["env"] == container["env"]
    assert [each for each in container["env"] if each in router["containers"][0]["env"]] == router["containers"][0][
        "env"
    ]
    assert job["spec"]["backoffLimit"] == 0
    pod = job["spec"]["template"]["spec"]
    assert (pod["automountServiceAccountToken"], pod["restartPolicy"]) == (False, "Never")
    assert pod["securityContext"] == router["securityContext"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    (certificates,) = (each for each in pod["volumes"] if each["name"] == "to-milvus-tls")
    assert certificates["secret"]["secretName"] == "milvus-tls"


def test_no_service_and_no_deployment_takes_a_jobs_pod() -> None:
    objects = objects_of(HYBRID, state(MEMORY, HYBRID, steps.VERIFYING), FACTS)
    labels = found(objects, "Job")["spec"]["template"]["metadata"]["labels"]
    for service in (each for each in objects if each["kind"] == "Service"):
        assert not service["spec"]["selector"].items() <= labels.items()
    assert not found(objects, "Deployment")["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_a_memory_is_read_from_the_pods_themselves() -> None:
    job = found(objects_of(HYBRID, state(MEMORY, HYBRID, steps.WARMING), FACTS), "Job")
    parts = containers(job)
    assert parts["export"]["args"][-2:] == ["--url", "http://sr-metrics.a.svc:8080"]
    assert "--every-address" in parts["export"]["args"]
    assert parts["copy-from-pods"]["args"][:2] == ["cache", "import"]


def test_two_stores_have_credentials_of_their_own() -> None:
    job = found(objects_of(ELSEWHERE, state(HYBRID, ELSEWHERE, steps.WARMING), FACTS), "Job")

    def secrets(name: str) -> set[str]:
        variables = containers(job)[name]["env"]
        return {each["valueFrom"]["secretKeyRef"]["name"] for each in variables if "valueFrom" in each}

    assert (secrets("export"), secrets("copy")) == ({"milvus-auth"}, {"other-auth"})
    volumes = [each["name"] for each in job["spec"]["template"]["spec"]["volumes"]]
    assert len(volumes) == len(set(volumes))
    mounted = {each["name"] for part in containers(job).values() for each in part["volumeMounts"]}
    assert mounted <= set(volumes)


def test_while_pods_are_replaced_both_stores_are_let_through() -> None:
    policy = found(objects_of(ELSEWHERE, state(HYBRID, ELSEWHERE, steps.SWITCHING), FACTS), "NetworkPolicy", "sr")
    for side in (HYBRID, ELSEWHERE):
        wanted = found(render(side, FACTS), "NetworkPolicy", "sr")["spec"]["egress"]
        assert all(rule in policy["spec"]["egress"] for rule in wanted)


def test_a_jobs_pod_is_called_by_nobody() -> None:
    objects = objects_of(HYBRID, state(MEMORY, HYBRID, steps.WARMING), FACTS)
    policy = found(objects, "NetworkPolicy", "sr-migration")
    labels = found(objects, "Job")["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["spec"]["ingress"] == []
    assert any(rule.get("ports") == [{"protocol": "TCP", "port": 8080}] for rule in policy["spec"]["egress"])


def test_a_file_that_only_one_side_opens_needs_no_gap() -> None:
    for step, kind in ((steps.SWITCHING, "RollingUpdate"), (steps.COMPLETED, "Recreate")):
        objects = objects_of(EMBEDDED, state(MEMORY, EMBEDDED, step), FACTS)
        if step == steps.COMPLETED:
            objects = objects_of(EMBEDDED, State(Placement.wanted(EMBEDDED)), FACTS)
        assert found(objects, "Deployment")["spec"]["strategy"]["type"] == kind


def test_each_attempt_is_another_job() -> None:
    names = {
        found(objects_of(HYBRID, state(MEMORY, HYBRID, step, attempt), FACTS), "Job")["metadata"]["name"]
        for step in (steps.VERIFYING, steps.WARMING, steps.CATCHING_UP)
        for attempt in (1, 2)
    }
    assert len(names) == 6


@settings(deadline=None)
@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,58}[a-z0-9])?", fullmatch=True), st.integers(1, 10))
def test_a_jobs_name_is_a_labels_value(name: str, attempt: int) -> None:
    asked = parse({"metadata": {"name": name, "namespace": "a"}, "spec": {}})
    made = job_name(asked, JobPlan("abcd1234b", "copy-from-pods", attempt, 60))
    assert len(made) <= 63
    assert made[0].isalnum()


@pytest.mark.parametrize(
    ("component", "ended", "runs"),
    [("migration", True, True), ("migration", False, False), ("restore", False, False), ("backup", False, True)],
)
def test_two_jobs_that_write_never_run_at_a_time(component: str, *, ended: bool, runs: bool) -> None:
    objects = objects_of(HYBRID, state(MEMORY, HYBRID, steps.WARMING), FACTS)
    container = {"state": {"terminated": {"exitCode": 0}} if ended else {"running": {}}}
    rival = {
        "metadata": {
            "name": "p",
            "labels": {"batch.kubernetes.io/job-name": "another", "app.kubernetes.io/component": component},
        },
        "status": {"containerStatuses": [container]},
    }
    assert any(each["kind"] == "Job" for each in without_rivals(objects, [rival])) is runs


def test_both_of_two_managed_ones_are_there_until_the_second_has_taken_over() -> None:
    first, second = (
        resource(milvus={"managed": {"mode": mode, "tls": {"issuerRef": {"name": "ca"}}}})
        for mode in ("standalone", "cluster")
    )
    before = Placement.wanted(first)
    migration = Migration("abcd1234", "c", before, Placement.wanted(second, before), NOW, Progress(steps.WARMING, NOW))
    objects = objects_of(second, State(before, migration), ClusterFacts(kinds=frozenset({"Milvus", "Certificate"})))
    found: dict[str, list[Json]] = {}
    for each in objects:
        found.setdefault(each["kind"], []).append(each)
    named = {kind: {each["metadata"]["name"] for each in many} for kind, many in found.items()}
    other = "sr-milvus-cluster"
    assert named["Milvus"] == {"sr", other}
    assert {each["spec"]["mode"] for each in found["Milvus"]} == {"standalone", "cluster"}
    assert named["Certificate"] == {"sr-milvus-tls", f"{other}-tls"}
    assert named["NetworkPolicy"] == {
        "sr", "sr-migration", "sr-allow-router-to-milvus", f"{other}-allow-router-to-milvus",
        *(f"{name}-{part}" for name in ("sr-milvus", other) for part in ("etcd", "minio")), f"{other}-pulsar",
    }  # fmt: skip
    (job,) = found["Job"]
    spec = job["spec"]["template"]["spec"]
    logins = [
        {each["valueFrom"]["secretKeyRef"]["name"] for each in container["env"] if "MILVUS" in each["name"]}
        for container in (*spec["initContainers"], *spec["containers"])
    ]
    assert logins == [{"sr-milvus-auth"}, {f"{other}-auth"}]
    (pods,) = found["Deployment"]
    assert "sr-milvus-auth" in str(pods)
    assert other not in str(pods)
