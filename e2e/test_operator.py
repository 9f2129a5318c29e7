"""The operator as pods: takeover, chart upgrade, chart test, removal."""

import json

from e2e.conftest import install
from e2e.test_changes import RESOURCE
from e2e.world import OPERATOR_NAMESPACE, PATIENCE, RELEASE, World, eventually


def _leader(world: World) -> str:
    lease = world.get("lease", RELEASE, "-n", OPERATOR_NAMESPACE)
    return str(lease.get("spec", {}).get("holderIdentity") or "").rpartition("_")[0]


def _pods(world: World) -> list[str]:
    pods = world.get("pods", "-n", OPERATOR_NAMESPACE, "-l", f"app.kubernetes.io/name={RELEASE}")["items"]
    return [each["metadata"]["name"] for each in pods if not each["metadata"].get("deletionTimestamp")]


def test_helm_test_passes(world: World) -> None:
    assert "Succeeded" in world.helm("test", RELEASE, "--namespace", OPERATOR_NAMESPACE, f"--timeout={PATIENCE}s")


def test_another_takes_over_when_the_leader_is_killed(world: World, namespace: str) -> None:
    leader = eventually(lambda: _leader(world))
    assert leader in _pods(world)
    world.kubectl("delete", "pod", "-n", OPERATOR_NAMESPACE, leader, "--grace-period=0", "--force")
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    assert _leader(world) != leader


def test_an_upgrade_of_the_chart_keeps_routers_and_their_pods(world: World, namespace: str) -> None:
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    pods = sorted(each["metadata"]["uid"] for each in world.get("pods", "-n", namespace)["items"])
    before = set(_pods(world))
    install(world, "--set", "podLabels.upgraded=yes")
    eventually(lambda: len(_pods(world)) == 2 and not before & set(_pods(world)))
    changed = json.loads(json.dumps(RESOURCE))
    changed["spec"]["router"]["replicas"] = 3
    world.apply(namespace, changed)
    world.wait(namespace, "deployment/semantic-router", "--for=jsonpath={.status.readyReplicas}=3")
    after = {each["metadata"]["uid"] for each in world.get("pods", "-n", namespace)["items"]}
    assert set(pods) <= after


def test_rights_in_one_namespace_are_enough_for_it(world: World, namespace: str) -> None:
    install(world, "--set", f"watchNamespaces={{{namespace}}},rbac.aggregate=false")
    try:
        bound = world.get("clusterroles,clusterrolebindings")["items"]
        assert [each["metadata"]["name"] for each in bound if RELEASE in each["metadata"]["name"]] == []
        world.apply(namespace, RESOURCE)
        world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    finally:
        install(world)


def test_the_chart_s_removal_leaves_routers_serving(world: World, namespace: str) -> None:
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    world.helm("uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE, "--wait")
    try:
        assert world.ask(namespace, "semantic-router", "Is anybody there?")[0]["text"]
        assert world.get("semanticrouter/semantic-router", "-n", namespace)
    finally:
        install(world)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
