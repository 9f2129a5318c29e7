"""The validating webhook: a real API server asks a real operator over TLS."""

import base64
import json
from typing import Any

import yaml
from tests.cluster.conftest import Kubectl, Operators, eventually
from tests.control_plane.server import free_ports

from semantic_router_operator.handlers.webhook import secret_name
from semantic_router_operator.render.rbac import Rule, certificate_rules, webhook_rules

Json = dict[str, Any]


def registration(name: str, namespace: str, port: int) -> Json:
    """As the chart has it, but for an address: no Service leads to a process of this machine."""
    rule = {
        "apiGroups": ["semanticrouter.dev"],
        "apiVersions": ["v1alpha1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["semanticrouters", "semanticcachebackups", "semanticcacherestores"],
    }
    webhook = {
        "name": "semanticrouters.semanticrouter.dev",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "timeoutSeconds": 5,
        "clientConfig": {"url": f"https://127.0.0.1:{port}/validate"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
    }
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    return {**head, "metadata": {"name": name}, "webhooks": [webhook]}


def granted(kind: str, name: str, rules: list[Rule], namespace: str) -> list[Json]:
    """The rights of the operator's ServiceAccount for the webhook; as in conftest, it has no others."""
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
    return [
        {**head, "kind": kind, "rules": rules},
        {
            **head,
            "kind": f"{kind}Binding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "operator-0", "namespace": namespace}],
        },
    ]


def _bundle(kubectl: Kubectl, name: str) -> str:
    configuration = kubectl.get("validatingwebhookconfiguration", name) or {}
    return str(configuration["webhooks"][0]["clientConfig"].get("caBundle", ""))


def _authority(kubectl: Kubectl, name: str) -> str:
    secret = kubectl.get("secret", secret_name(name)) or {}
    return str(secret.get("data", {}).get("ca.crt", "no authority yet"))


def test_the_model_s_sentence_reaches_kubectl_apply(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    namespace = kubectl.namespace
    name = f"semantic-router-{namespace}"
    (port,) = free_ports(1)
    cluster_wide = granted("ClusterRole", name, webhook_rules(name), namespace)
    kubectl(
        *("apply", "-f", "-"),
        stdin=yaml.safe_dump_all([*cluster_wide, *granted("Role", "webhook", certificate_rules(name), namespace)]),
    )
    kubectl("create", "-f", "-", stdin=registration(name, namespace, port))
    try:
        operator = operators.start(f"--webhook-port={port}", f"--webhook-configuration={name}")
        eventually(lambda: _bundle(kubectl, name) == _authority(kubectl, name))

        wrong = json.loads(json.dumps(resource))
        wrong["spec"]["routing"] = {"signals": {"keywords": [{"name": "k", "patterns": ["(unclosed"]}]}}

        def refused() -> str:
            return kubectl.run("apply", "--dry-run=server", "-f", "-", stdin=wrong).stderr

        # The API server learns of a new caBundle by a watch, a moment later.
        told = eventually(lambda: refused() if "denied the request" in refused() else "")
        assert "spec.routing.signals.keywords[0]" in told
        assert "(unclosed" in told
        assert "created" in kubectl("apply", "-f", "-", stdin=resource)

        # Somebody breaks it all: a new authority, and a caBundle to match.
        kubectl("delete", "secret", secret_name(name))
        other = base64.b64encode(kubectl.access.certificate.read_bytes()).decode()
        broken = [{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": other}]
        before = _bundle(kubectl, name)
        kubectl("patch", "validatingwebhookconfiguration", name, "--type=json", "-p", json.dumps(broken))
        eventually(lambda: _bundle(kubectl, name) == _authority(kubectl, name) != before)
        eventually(lambda: "denied the request" in refused())

        # Without an operator resources are let in; what is wrong with them waits in the status.
        operator.stop()
        assert kubectl.run("apply", "-f", "-", stdin=wrong).returncode == 0
    finally:
        kubectl("delete", "validatingwebhookconfiguration", name)
        kubectl("delete", "clusterrole,clusterrolebinding", name)
