"""What concerns a whole cluster: a control plane of its own, so that nothing here disturbs the other tests."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.conftest import ROOT, Kubectl, Operators, condition, eventually, settled
from tests.cluster.test_webhook import granted, registration
from tests.control_plane.binaries import find_or_build
from tests.control_plane.server import ControlPlane, free_ports
from tests.control_plane.shared import Access

from semantic_router_operator.api.crd import SEMANTIC_ROUTER
from semantic_router_operator.api.crd import definition as definition_of
from semantic_router_operator.handlers.webhook import secret_name
from semantic_router_operator.render.rbac import certificate_rules, webhook_rules

Json = dict[str, Any]
pytestmark = pytest.mark.xdist_group("whole_cluster")
FIXTURES = ROOT / "tests" / "fixtures" / "crds"


@dataclass
class Own:
    plane: ControlPlane
    access: Access


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    programs = find_or_build(lambda line: print(line, file=sys.stderr))
    plane = ControlPlane(programs, tmp_path_factory.mktemp("plane"))
    try:
        plane.start(sorted((ROOT / "crds").glob("*.yaml")))
        certificate = plane.folder / "certs" / "apiserver.crt"
        kubectl, helm = programs["kubectl"], programs["helm"]
        yield Own(plane, Access(plane.url, plane.kubeconfig, certificate, plane.audit_log, kubectl, helm))
    finally:
        plane.stop()


@pytest.fixture
def control_plane(own: Own) -> Access:
    return own.access


def test_one_operator_for_all_namespaces(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operator = operators.start(whole_cluster=True)
    other = Kubectl(kubectl.access, f"{kubectl.namespace}-b")
    other("create", "namespace", other.namespace)
    for each in (kubectl, other):
        each("apply", "-f", "-", stdin=resource)
    for each in (kubectl, other):
        eventually(lambda each=each: settled(each))
    other("scale", "deployment/semantic-router", "--replicas=7")
    eventually(lambda: (other.get("deployment/semantic-router") or {})["spec"]["replicas"] == 2)
    # It asked for nothing that its roles do not grant.
    refused = [line for line in operator.log.read_text().splitlines() if "orbidden" in line]
    assert refused == []
    other("delete", "namespace", other.namespace, "--wait=false")


def test_a_restart_of_the_api_server(own: Own, kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    version = (kubectl.get("deployment/semantic-router") or {})["metadata"]["generation"]
    own.plane.stop_api_server()
    own.plane.start_api_server()
    if operator.process.poll() is not None:
        # Away for longer than the Lease could be left unrenewed: the kubelet would start it again.
        operator = operators.again(operator)
    kubectl("scale", "sr/semantic-router", "--replicas=3")
    eventually(lambda: (kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"] == 3)
    assert (kubectl.get("deployment/semantic-router") or {})["metadata"]["generation"] == version + 1


def test_a_kind_that_appears_and_goes_is_noticed(
    kubectl: Kubectl, operators: Operators, resource: Json, control_plane: Access
) -> None:
    operators.start("--resync-seconds=1")
    resource["spec"]["monitoring"] = {"serviceMonitor": "on", "rules": "auto"}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "KindMissing")
    assert "servicemonitors.monitoring.coreos.com" in condition(kubectl, "Degraded")["message"]
    crd = str(FIXTURES / "monitoring.coreos.com_servicemonitors.yaml")
    kubectl("apply", "--server-side", "-f", crd)
    eventually(lambda: _there(kubectl))
    eventually(lambda: condition(kubectl, "Degraded").get("status") == "False")
    kubectl("delete", "servicemonitors", "--all")
    eventually(lambda: _there(kubectl))
    kubectl("delete", "-f", crd)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "KindMissing")


def test_the_gateway_api_s_own_definition_takes_the_routes(
    kubectl: Kubectl, operators: Operators, resource: Json, control_plane: Access
) -> None:
    """With its CEL rules, which only an API server evaluates; a route appears as soon as the kind is served."""
    operators.start("--resync-seconds=1")
    resource["spec"]["router"]["httpRoute"] = {
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        "hostnames": ["llm.example"],
    }
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "KindMissing")
    crd = str(FIXTURES / "gateway.networking.k8s.io_httproutes.yaml")
    kubectl("apply", "--server-side", "-f", crd)
    route = eventually(lambda: _route(kubectl))
    assert route["spec"]["hostnames"] == ["llm.example"]
    assert route["spec"]["rules"][0]["backendRefs"][0]["port"] == 8801
    eventually(lambda: condition(kubectl, "Degraded").get("status") == "False")
    for case in sorted((ROOT / "tests" / "golden" / "cases").iterdir()):
        for each in yaml.safe_load_all((case / "objects.yaml").read_text(encoding="utf-8")):
            if each["kind"] == "HTTPRoute":
                each["metadata"] |= {"namespace": kubectl.namespace, "name": f"{case.name}-case"}
                assert "created" in kubectl("create", "--dry-run=server", "-f", "-", stdin=each)
    twice = [{"name": "public"}, {"name": "public"}]
    refused = json.dumps({"spec": {"parentRefs": twice}})
    done = kubectl.run("patch", "httproute/semantic-router", "--dry-run=server", "--type=merge", "-p", refused)
    assert "sectionName" in done.stderr
    kubectl("delete", "-f", crd)


def test_another_version_is_converted_on_the_way(
    kubectl: Kubectl, operators: Operators, resource: Json, control_plane: Access, tmp_path: Path
) -> None:
    """As v1beta1 will be served: stored as v1alpha1, converted by the operator whenever somebody asks for the other."""
    namespace, (port,) = kubectl.namespace, free_ports(1)
    # kubectl remembers for hours which versions there are, and would ask for this one in the other tests.
    own = f"--cache-dir={tmp_path}"
    rights = [
        *granted("ClusterRole", "conversion", webhook_rules("conversion"), namespace),
        *granted("Role", "conversion", certificate_rules("conversion"), namespace),
    ]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(rights))
    kubectl("create", "-f", "-", stdin=registration("conversion", namespace, port))
    operators.start(f"--webhook-port={port}", "--webhook-configuration=conversion")
    secret = eventually(lambda: kubectl.get("secret", secret_name("conversion")))
    definition = definition_of(SEMANTIC_ROUTER)
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    newer = {"name": "v1beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": anything}}
    definition["spec"]["versions"].append(newer)
    client = {"url": f"https://127.0.0.1:{port}/convert", "caBundle": secret["data"]["ca.crt"]}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    definition["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    try:
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=definition)
        resource["spec"] |= {
            "monitoring": {"rules": "on"},
            "routing": {"signals": {"language": [{"name": "de"}]}},
        }
        kubectl("create", own, "-f", "-", stdin=resource)
        found = eventually(lambda: _in_version(kubectl, own, "v1beta1"))
        assert found["spec"]["monitoring"] == {"rules": "Enabled"}
        assert found["spec"]["routing"]["signals"] == {"languages": [{"name": "de"}]}
        change = json.dumps({"spec": {"monitoring": {"rules": "Disabled"}}})
        newer_one = "semanticrouters.v1beta1.semanticrouter.dev/semantic-router"
        kubectl("patch", own, newer_one, "--type=merge", "-p", change)
        stored = eventually(lambda: _in_version(kubectl, own, "v1alpha1"))
        assert stored["spec"]["monitoring"] == {"rules": "off"}
        assert stored["spec"]["routing"] == resource["spec"]["routing"]
    finally:
        kubectl("delete", "validatingwebhookconfiguration,clusterrole,clusterrolebinding", "conversion")
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=_as_before())


def _as_before() -> Json:
    definition = definition_of(SEMANTIC_ROUTER)
    definition["spec"]["conversion"] = {"strategy": "None"}
    return definition


def _in_version(kubectl: Kubectl, cache: str, version: str) -> Json | None:
    done = kubectl.run("get", cache, f"semanticrouters.{version}.semanticrouter.dev", "semantic-router", "-o", "json")
    return dict(json.loads(done.stdout)) if done.returncode == 0 else None


def _route(kubectl: Kubectl) -> Json | None:
    done = kubectl.run("get", "httproute/semantic-router", "-o", "json")
    return dict(json.loads(done.stdout)) if done.returncode == 0 else None


def _there(kubectl: Kubectl) -> bool:
    done: subprocess.CompletedProcess[str] = kubectl.run("get", "servicemonitors", "-o", "name")
    return "servicemonitor" in done.stdout


STORAGE_CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: example.test/disk
allowVolumeExpansion: %s
"""


@pytest.mark.timeout(400)
def test_a_milvus_waits_for_what_the_cluster_lacks_and_its_volumes_grow(
    kubectl: Kubectl, operators: Operators, resource: Json, milvus_operator: Callable[[], None]
) -> None:
    operators.start("--resync-seconds=1", whole_cluster=True)
    managed = {"version": "2.5.4", "auth": {"enabled": False}, "etcdStorage": {"size": "1Gi"}}
    resource["spec"] |= {"cache": {"backend": "hybrid"}, "milvus": {"managed": managed}}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "MilvusReady").get("reason") == "OperatorMissing")
    assert "helm install milvus-operator" in condition(kubectl, "MilvusReady")["message"]
    notes = eventually(lambda: [n["note"] for n in (kubectl.get("events.events.k8s.io") or {}).get("items", ())])
    assert any("helm install milvus-operator" in note for note in notes)
    config = eventually(lambda: kubectl.get("configmap/semantic-router-config"))
    assert "backend_type: memory" in config["data"]["config.yaml"]

    crd = str(FIXTURES / "milvus.io_milvuses.yaml")
    kubectl("apply", "--server-side", "-f", crd)
    try:
        eventually(lambda: condition(kubectl, "MilvusReady").get("reason") == "NoStorageClass")
        assert kubectl.get("milvus/semantic-router") is None
        kubectl("apply", "-f", "-", stdin=STORAGE_CLASS % "true")
        eventually(lambda: kubectl.get("milvus/semantic-router"))
        milvus_operator()
        eventually(lambda: condition(kubectl, "MilvusReady").get("status") == "True", 180)

        claim = "pvc/data-semantic-router-etcd-0"
        bound = json.dumps({"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})
        kubectl("patch", claim, "--subresource=status", "--type=merge", "-p", bound)
        _etcd_storage(kubectl, "2Gi")
        eventually(lambda: _requested(kubectl, claim) == "2Gi")
        # The template of a StatefulSet cannot change: what the chart is told stays.
        spec = (kubectl.get("milvus/semantic-router") or {})["spec"]
        assert spec["dependencies"]["etcd"]["inCluster"]["values"]["persistence"]["size"] == "1Gi"

        kubectl("apply", "-f", "-", stdin=STORAGE_CLASS % "false")
        _etcd_storage(kubectl, "3Gi")
        eventually(lambda: condition(kubectl, "Degraded").get("reason") == "ChangeRefused")
        assert "does not allow volumes to grow" in condition(kubectl, "Degraded")["message"]
        assert _requested(kubectl, claim) == "2Gi"
        kubectl("delete", "sr/semantic-router", "--wait=false")
        eventually(lambda: kubectl("get", "milvus,pvc", "-o", "name") == "", 120)
    finally:
        kubectl("delete", "--wait=false", "-f", crd)
        kubectl("delete", "storageclass", "standard", "--ignore-not-found")


def _etcd_storage(kubectl: Kubectl, size: str) -> None:
    change = json.dumps({"spec": {"milvus": {"managed": {"etcdStorage": {"size": size}}}}})
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", change)


def _requested(kubectl: Kubectl, claim: str) -> str:
    return str((kubectl.get(claim) or {})["spec"]["resources"]["requests"]["storage"])


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: mirror}
spec:
  reinvocationPolicy: Never
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        [JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "mirror.local/router:1"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: mirror}
spec: {policyName: mirror}
"""


def test_what_admission_changes_is_not_fought_over(
    kubectl: Kubectl, operators: Operators, resource: Json, tmp_path: Path
) -> None:
    kubectl("apply", "-f", "-", stdin=POLICY)
    try:
        operator = operators.start("--resync-seconds=1")
        _until_mutated(kubectl)
        kubectl("apply", "-f", "-", stdin=resource)
        eventually(lambda: settled(kubectl))
        assert _image(kubectl) == "mirror.local/router:1"
        eventually(lambda: '"changed_by_admission"' in operator.log.read_text())
        written = len(_applies(operators, operator))
        version = (kubectl.get("deployment/semantic-router") or {})["metadata"]["generation"]
        for replicas in (3, 4):
            kubectl("scale", "sr/semantic-router", f"--replicas={replicas}")
            eventually(lambda n=replicas: (kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"] == n)
        assert len(_applies(operators, operator)) == written + 2
        assert (kubectl.get("deployment/semantic-router") or {})["metadata"]["generation"] == version + 2
        notes = [event["note"] for event in (kubectl.get("events.events.k8s.io") or {})["items"]]
        assert not any("was changed by" in note for note in notes)
    finally:
        kubectl("delete", "mutatingadmissionpolicies,mutatingadmissionpolicybindings", "mirror")


def _image(kubectl: Kubectl, name: str = "semantic-router") -> str:
    deployment = kubectl.get(f"deployment/{name}") or {}
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _until_mutated(kubectl: Kubectl) -> None:
    """A policy is in force some time after its creation."""

    def mutated() -> bool:
        kubectl("create", "deployment", "probe", "--image=x")
        image = _image(kubectl, "probe")
        kubectl("delete", "deployment", "probe")
        return image == "mirror.local/router:1"

    eventually(mutated)


def _applies(operators: Operators, operator: Any) -> list[Json]:
    return [entry for entry in operators.writes(operator) if entry["objectRef"]["resource"] == "deployments"]
