"""The API server answers late, wrongly or not at all, or lets a watch die: the end is the same, and said once."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operator, Operators, condition, eventually, settled
from tests.cluster.proxy import FaultProxy, fault_proxy
from tests.control_plane.shared import Access

Json = dict[str, Any]


@pytest.fixture
def proxy(control_plane: Access) -> Iterator[FaultProxy]:
    with fault_proxy(control_plane.url, control_plane.certificate) as running:
        yield running


def _replicas(kubectl: Kubectl) -> int:
    return int((kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"])


def _scaled(kubectl: Kubectl, replicas: int) -> None:
    kubectl("scale", "sr/semantic-router", f"--replicas={replicas}")
    eventually(lambda: _replicas(kubectl) == replicas)


def _text(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http
            return f"{answer.status} {answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"


def test_refusals_for_a_time_are_tried_again(
    kubectl: Kubectl, operators: Operators, resource: Json, proxy: FaultProxy
) -> None:
    faults = [
        proxy.fault("PATCH", "/configmaps/", 429, times=2, retry_after="1"),
        proxy.fault("PATCH", "/services/", 503, times=2),
        proxy.fault("PATCH", "/deployments/", 500, times=1),
        proxy.fault("PATCH", "/deployments/", 409, times=1),
        proxy.fault("PATCH", "/serviceaccounts/", 0, times=2),
        proxy.fault("PATCH", "/semanticrouters/semantic-router/status", 504, times=1),
        proxy.fault("GET", "/semanticrouters/semantic-router", 0, times=1),
    ]
    operators.start(url=proxy.url)
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    assert [fault.happened for fault in faults] == [fault.times for fault in faults]
    assert condition(kubectl, "Degraded")["status"] == "False"


def test_a_slow_api_server(kubectl: Kubectl, operators: Operators, resource: Json, proxy: FaultProxy) -> None:
    proxy.delay_seconds = 0.5
    operators.start(url=proxy.url)
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))


def test_watches_that_are_cut_or_expire_go_on_without_a_needless_write(
    kubectl: Kubectl, operators: Operators, resource: Json, proxy: FaultProxy
) -> None:
    operator = operators.start(url=proxy.url)
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    _scaled(kubectl, 3)
    written = len(operators.writes(operator))
    expired = proxy.fault("GET", "/deployments?watch=true", 410)
    assert proxy.cut_streams() > 5
    eventually(lambda: expired.happened == 1)
    lists = 'kind="Deployment"'
    eventually(lambda: any("expired" in line for line in _text(operator.metrics).splitlines() if lists in line))
    later = {entry["objectRef"]["resource"] for entry in operators.writes(operator)[written:]}
    assert later <= {"semanticrouters", "events"}  # the Deployment's progress is told, nothing is made again
    # Both watches tell again: the children's and kopf's.
    kubectl("scale", "deployment/semantic-router", "--replicas=7")
    eventually(lambda: _replicas(kubectl) == 3)
    _scaled(kubectl, 4)


def test_a_frozen_watch_is_noticed_and_does_no_harm(
    kubectl: Kubectl, operators: Operators, resource: Json, proxy: FaultProxy
) -> None:
    operator = operators.start("--resync-seconds=1", url=proxy.url)
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    assert _text(f"{operator.health}/healthz").startswith("200")
    proxy.frozen = lambda path: "semanticrouters?watch=true" in path
    _scaled(kubectl, 3)
    answer = eventually(lambda: (text := _text(f"{operator.health}/healthz")).startswith("500") and text)
    assert "no news from the API server about SemanticRouter" in str(answer)
    proxy.frozen = lambda path: False
    proxy.cut_streams()
    eventually(lambda: _text(f"{operator.health}/healthz").startswith("200"))


def test_what_the_api_server_refuses_for_good_is_told_in_the_status(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    """Kubernetes' own check finds what no schema of ours can: two volumes mounted at one path."""
    operators.start()
    mounts = [{"name": name, "mountPath": "/data"} for name in ("a", "b")]
    volumes = [{"name": name, "emptyDir": {}} for name in ("a", "b")]
    resource["spec"]["router"]["podTemplate"] = {"volumes": volumes, "volumeMounts": mounts}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "WriteRefused")
    message = condition(kubectl, "Ready")["message"]
    assert "Deployment/semantic-router was refused by the API server" in message
    assert "mountPath" in message
    assert kubectl.get("service/semantic-router") is not None
    kubectl("patch", "sr/semantic-router", "--type=json", "-p", '[{"op":"remove","path":"/spec/router/podTemplate"}]')
    eventually(lambda: settled(kubectl) and condition(kubectl, "Degraded").get("status") == "False")


def test_a_right_that_the_role_lacks_is_told(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start()
    _without_right(kubectl, "ingresses")
    resource["spec"]["router"]["ingress"] = {"host": "router.example"}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "WriteRefused")
    message = condition(kubectl, "Degraded")["message"]
    assert "Ingress/semantic-router" in message
    assert "Give the operator's role this right" in message
    assert settled(kubectl)


def _without_right(kubectl: Kubectl, plural: str) -> None:
    role = kubectl.get("role/operator-0") or {}
    for rule in role["rules"]:
        if plural in rule["resources"]:
            rule["resources"].remove(plural)
    patch = json.dumps({"rules": [rule for rule in role["rules"] if rule["resources"]]})
    kubectl("patch", "role/operator-0", "--type=merge", "-p", patch)


def test_events_are_not_repeated(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operator: Operator = operators.start("--resync-seconds=1")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    counts = []
    for _ in range(3):
        kubectl("scale", "deployment/semantic-router", "--replicas=5")
        eventually(lambda: _replicas(kubectl) == 2)
        eventually(lambda: _hand_edits(kubectl) == 1)
        counts.append(sum(entry["objectRef"]["resource"] == "events" for entry in operators.writes(operator)))
    assert counts == [counts[0]] * 3


def _hand_edits(kubectl: Kubectl) -> int:
    events = (kubectl.get("events.events.k8s.io") or {})["items"]
    return sum(event["reason"] == "HandEditReverted" for event in events)
