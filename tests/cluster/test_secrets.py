"""Secrets: a rotation reaches the pods, a missing or malformed one is told, and no value is ever shown."""

import base64
import json
from typing import Any

from tests.cluster.conftest import Kubectl, Operators, condition, eventually, settled

Json = dict[str, Any]
CANARY = "canary-secret-value"
CHECKSUM = "semanticrouter.dev/checksum"


def _secured(resource: Json) -> Json:
    resource["spec"]["providers"][0]["apiKeySecretRef"] = {"name": "keys", "key": "vllm"}
    return resource


def _checksum(kubectl: Kubectl) -> str:
    deployment = kubectl.get("deployment/semantic-router") or {}
    return str(deployment.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {}).get(CHECKSUM))


def _set(kubectl: Kubectl, **values: str) -> None:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    kubectl("patch", "secret/keys", "--type=merge", "-p", json.dumps({"data": encoded}))


def test_a_rotated_secret_rolls_the_pods_and_is_shown_nowhere(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operator = operators.start()
    kubectl("create", "secret", "generic", "keys", f"--from-literal=vllm={CANARY}-1")
    kubectl("apply", "-f", "-", stdin=_secured(resource))
    eventually(lambda: settled(kubectl))
    before = _checksum(kubectl)
    template = (kubectl.get("deployment/semantic-router") or {})["spec"]["template"]
    variables = {each["name"]: each for each in template["spec"]["containers"][0]["env"]}
    reference = variables["PROVIDER_VLLM_API_KEY"]["valueFrom"]["secretKeyRef"]
    assert (reference["name"], reference["key"]) == ("keys", "vllm")

    _set(kubectl, vllm=f"{CANARY}-2")
    eventually(lambda: _checksum(kubectl) != before)
    # The Deployment's controller makes a new ReplicaSet of it: that is the rolling restart.
    eventually(lambda: len((kubectl.get("replicasets") or {}).get("items", [])) == 2)

    encoded = base64.b64encode(CANARY.encode()).decode()[:20]
    written = "sr,configmaps,deployments,services,events.events.k8s.io"
    shown = kubectl("get", written, "-o", "yaml") + operator.log.read_text()
    assert CANARY not in shown
    assert encoded not in shown


def test_missing_and_malformed_secrets_are_told_and_the_last_good_state_stays(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operators.start()
    kubectl("apply", "-f", "-", stdin=_secured(resource))
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "SecretInvalid")
    assert "Secret/keys does not exist" in condition(kubectl, "Ready")["message"]
    assert kubectl.get("deployment/semantic-router") is None

    kubectl("create", "secret", "generic", "keys", "--from-literal=other=1")
    eventually(lambda: "Secret/keys has no key vllm" in condition(kubectl, "Degraded")["message"])
    _set(kubectl, vllm="sk-1")
    eventually(lambda: settled(kubectl) and condition(kubectl, "Degraded").get("status") == "False")

    good = _checksum(kubectl)
    _set(kubectl, vllm="two\nlines")
    eventually(lambda: "Key vllm of Secret/keys" in condition(kubectl, "Degraded").get("message", ""))
    assert _checksum(kubectl) == good
    kubectl("delete", "secret/keys")
    eventually(lambda: "does not exist" in condition(kubectl, "Degraded").get("message", ""))
    assert _checksum(kubectl) == good
    notes = [event["note"] for event in (kubectl.get("events.events.k8s.io") or {})["items"]]
    assert any("Secret/keys does not exist" in note for note in notes)


def test_what_the_pod_template_mentions_rolls_the_pods_as_well(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operators.start()
    resource["spec"]["router"]["podTemplate"] = {
        "env": [{"name": "ZONE", "valueFrom": {"configMapKeyRef": {"name": "own", "key": "zone"}}}],
        "envFrom": [{"secretRef": {"name": "more", "optional": True}}],
        "volumes": [{"name": "ca", "secret": {"secretName": "authorities"}}],
        "volumeMounts": [{"name": "ca", "mountPath": "/authorities", "readOnly": True}],
    }
    kubectl("create", "secret", "generic", "authorities", "--from-literal=ca.crt=1")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "ConfigMapInvalid")
    assert "ConfigMap/own does not exist" in condition(kubectl, "Ready")["message"]
    kubectl("create", "configmap", "own", "--from-literal=zone=a")
    eventually(lambda: settled(kubectl))
    container = (kubectl.get("deployment/semantic-router") or {})["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "more", "optional": True}}]

    seen = {_checksum(kubectl)}
    for change in (
        ("patch", "configmap/own", "--type=merge", "-p", '{"data":{"zone":"b"}}'),
        ("patch", "secret/authorities", "--type=merge", "-p", '{"stringData":{"ca.crt":"2"}}'),
        ("create", "secret", "generic", "more", "--from-literal=A=1"),
    ):
        kubectl(*change)
        eventually(lambda: _checksum(kubectl) not in seen)
        seen.add(_checksum(kubectl))
