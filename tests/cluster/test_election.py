"""Two replicas of the operator: one leads, the other takes over, and never do both write."""

import signal
from collections import Counter
from typing import Any

from tests.cluster.conftest import Kubectl, Operator, Operators, eventually, settled

Json = dict[str, Any]
TAKEOVER_SECONDS = 20


def _scaled(kubectl: Kubectl, replicas: int, seconds: float = TAKEOVER_SECONDS) -> None:
    kubectl("scale", "sr/semantic-router", f"--replicas={replicas}")
    eventually(lambda: (kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"] == replicas, seconds)


def _children(operators: Operators, operator: Operator) -> Counter[str]:
    told = ("semanticrouters", "events")
    resources = (entry["objectRef"]["resource"] for entry in operators.writes(operator))
    return Counter(resource for resource in resources if resource not in told)


def test_takeover_after_a_kill(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    first, second = operators.start(), operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    assert operators.writes(second) == []
    first.kill()
    _scaled(kubectl, 3)
    assert _children(operators, second) == {"deployments": 1}


def test_a_leader_that_was_frozen_writes_nothing_when_it_wakes(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    first, second = operators.start(), operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    first.process.send_signal(signal.SIGSTOP)
    _scaled(kubectl, 3)
    written = operators.writes(first)
    # News wait in its sockets: were it to act on them, it would write.
    kubectl("delete", "service/semantic-router")
    eventually(lambda: kubectl.get("service/semantic-router"))
    first.process.send_signal(signal.SIGCONT)
    assert first.process.wait(20) == 1
    assert operators.writes(first) == written
    assert _children(operators, second) == {"deployments": 1, "services": 1}


def test_a_leader_that_is_stopped_hands_over_at_once(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    first, _ = operators.start(), operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    assert first.stop() == 0
    _scaled(kubectl, 3, seconds=10)
