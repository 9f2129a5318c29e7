"""One SemanticRouter through its life, against a real API server and a real operator process."""

import copy
import json
from typing import Any

import pytest
from tests.cluster.conftest import CHILDREN, Kubectl, Operators, condition, eventually, settled

Json = dict[str, Any]


def ready_pods(kubectl: Kubectl) -> int:
    """Does the kubelet's part: every pod of the namespace is running and ready. Returns how many there are."""
    pods = (kubectl.get("pods") or {}).get("items", [])
    for pod in pods:
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        name = pod["metadata"]["name"]
        kubectl(
            "patch",
            "pod",
            name,
            "--subresource=status",
            "--type=merge",
            "-p",
            json.dumps({"status": status}),
            check=False,
        )
    return len(pods)


def test_created_updated_untouched_and_collected(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operator = operators.start("--resync-seconds=2")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    assert condition(kubectl, "ConfigValid")["status"] == "True"

    eventually(lambda: ready_pods(kubectl) and condition(kubectl, "Ready").get("status") == "True")
    assert "condition met" in kubectl("wait", "--for=condition=Ready", "sr/semantic-router", "--timeout=10s")
    columns = kubectl("get", "sr")
    assert "semantic-router" in columns
    assert "True" in columns

    changed = copy.deepcopy(resource)
    changed["spec"]["cache"]["similarityThreshold"] = 0.9
    before = kubectl.get("configmap/semantic-router-config")
    kubectl("apply", "-f", "-", stdin=changed)
    eventually(lambda: (kubectl.get("configmap/semantic-router-config") or {}).get("data") != (before or {})["data"])
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")

    written = len(operators.writes(operator))
    passes = _lists(operators, operator)
    eventually(lambda: _lists(operators, operator) >= passes + 3)
    assert operators.writes(operator)[written:] == []

    kubectl("delete", "sr", "semantic-router")
    eventually(lambda: not any(kubectl.get(child) for child in CHILDREN))
    assert operator.stop() == 0


def _lists(operators: Operators, operator: Any) -> int:
    """Periodic passes that the operator has begun, by the audit log."""
    text = operators.access.audit_log.read_text()
    return sum(
        operator.user in line and '"verb":"list"' in line and '"resource":"semanticrouters"' in line
        for line in text.splitlines()
    )


def test_a_hand_edit_is_set_back_and_told(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    kubectl("scale", "deployment/semantic-router", "--replicas=5")
    eventually(lambda: (kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"] == 2)
    kubectl("delete", "service/semantic-router")
    eventually(lambda: kubectl.get("service/semantic-router"))
    notes = eventually(lambda: [n for n in _notes(kubectl) if "spec.replicas" in n])
    assert "spec.router.replicas" in notes[0]


def _notes(kubectl: Kubectl) -> list[str]:
    events = kubectl.get("events.events.k8s.io") or {}
    return [event.get("note", "") for event in events.get("items", [])]


def test_rollout_restart_survives(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start("--resync-seconds=1")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    kubectl("rollout", "restart", "deployment/semantic-router")
    kubectl("annotate", "sr/semantic-router", "look=again")
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", '{"spec":{"router":{"replicas":3}}}')
    eventually(lambda: (kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"] == 3)
    template = (kubectl.get("deployment/semantic-router") or {})["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


def test_kubectl_scale(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    kubectl("scale", "sr/semantic-router", "--replicas=4")
    eventually(lambda: (kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"] == 4)


def test_suspended_is_left_alone(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start()
    resource["spec"]["suspend"] = True
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "Ready").get("reason") == "Suspended")
    assert kubectl.get("deployment/semantic-router") is None
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    eventually(lambda: settled(kubectl))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"models": [{"name": "m", "provider": "nobody"}]}, "every model's provider"),
        ({"routing": {"defaultModel": "nobody"}}, "routing.defaultModel"),
        ({"cache": {"backend": "hybrid"}}, "needs spec.milvus"),
    ],
)
def test_refused_at_admission(kubectl: Kubectl, resource: Json, change: Json, says: str) -> None:
    resource["spec"].update(change)
    refused = kubectl.run("apply", "-f", "-", stdin=resource)
    assert refused.returncode != 0
    assert says in refused.stderr


def test_invalid_past_admission_keeps_the_last_good_state(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    """That a text would read the pod's environment, where the providers' keys are, only the operator checks."""
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    good = kubectl.get("configmap/semantic-router-config")
    resource["spec"]["routing"] = {"signals": {"keywords": [{"name": "k", "keywords": ["${PROVIDER_VLLM_API_KEY}"]}]}}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "ConfigValid").get("status") == "False")
    assert "must not hold ${NAME}" in condition(kubectl, "ConfigValid")["message"]
    after = kubectl.get("configmap/semantic-router-config")
    assert after is not None
    assert good is not None
    assert after["data"] == good["data"]
    assert kubectl.get("deployment/semantic-router") is not None


def test_adoption_is_refused_unless_asked(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    kubectl("create", "configmap", "semantic-router-config", "--from-literal=mine=1")
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "ConfigValid").get("reason") == "NameTaken")
    assert "ConfigMap/semantic-router-config" in condition(kubectl, "ConfigValid")["message"]
    kubectl("annotate", "sr/semantic-router", "semanticrouter.dev/adopt=true")
    eventually(lambda: condition(kubectl, "ConfigValid").get("status") == "True")
