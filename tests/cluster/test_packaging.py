"""The chart and the manifests against the real helm, kubectl and API server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.conftest import Kubectl
from tests.control_plane.shared import Access

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "semantic-router-operator"
EVERYTHING: dict[str, Any] = {
    "replicas": 3,
    "image": {"repository": "registry.example/operator", "digest": "sha256:" + "a" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "routerImage": {"repository": "registry.example/router", "tag": "1.2.3"},
    "serviceAccount": {"create": True, "name": "runner", "annotations": {"a.example/b": "c"}},
    "extraArgs": ["--workers=16"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
    "fullnameOverride": "routers",
    "podAnnotations": {"a.example/b": "c"},
    "podLabels": {"team": "llm"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {}},
        }
    ],
    "priorityClassName": "system-cluster-critical",
    "webhook": {"enabled": True, "certificates": "self-signed", "failurePolicy": "Fail", "port": 10250},
    "networkPolicy": {"enabled": True, "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
}


class Helm:
    def __init__(self, access: Access, namespace: str, folder: Path) -> None:
        self._access = access
        self._namespace = namespace
        self._folder = folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = [f"--kubeconfig={self._access.kubeconfig}", f"--namespace={self._namespace}"]
        return subprocess.run([str(self._access.helm), *arguments, *options], capture_output=True, text=True)

    def template(self, **values: Any) -> str:
        done = self.run("template", "semantic-router-operator", str(CHART), "-f", self._file(values))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, **values: Any) -> str:
        done = self.run("template", "semantic-router-operator", str(CHART), "-f", self._file(values))
        assert done.returncode != 0
        return done.stderr

    def _file(self, values: dict[str, Any]) -> str:
        path = self._folder / "values.json"
        path.write_text(json.dumps(values))
        return str(path)


@pytest.fixture
def helm(control_plane: Access, namespace: str, tmp_path: Path) -> Helm:
    return Helm(control_plane, namespace, tmp_path)


def _one(text: str, kind: str, name: str = "semantic-router-operator") -> dict[str, Any]:
    found = [each for each in yaml.safe_load_all(text) if each and each["kind"] == kind]
    return next(each for each in found if each["metadata"]["name"] == name)


def test_the_chart_passes_the_strict_lint(helm: Helm) -> None:
    done = helm.run("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_the_api_server_takes_what_the_chart_makes(helm: Helm, kubectl: Kubectl, values: dict[str, Any]) -> None:
    told = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=helm.template(**values))
    name = values.get("fullnameOverride", "semantic-router-operator")
    assert f"deployment.apps/{name} serverside-applied (server dry run)" in told
    assert "clusterrolebinding" in told


def test_watched_namespaces_get_roles_and_the_cluster_none(helm: Helm, kubectl: Kubectl, namespace: str) -> None:
    text = helm.template(watchNamespaces=[namespace], rbac={"create": True, "aggregate": False})
    told = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=text)
    assert "clusterrole" not in told
    assert f"--namespace={namespace}" in _container(text)["args"]


def test_the_operators_policy_fits_those_that_it_makes(helm: Helm) -> None:
    """Its questions get out, and in where a router's policy and Milvus' let it in."""
    text = helm.template(networkPolicy={"enabled": True})
    labels = _one(text, "Deployment")["spec"]["template"]["metadata"]["labels"]
    rendered = list(yaml.safe_load_all((ROOT / "tests/golden/cases/platform/objects.yaml").read_text()))
    let_out = {port["port"]: rule for rule in _one(text, "NetworkPolicy")["spec"]["egress"] for port in rule["ports"]}
    router = next(each for each in rendered if each["kind"] == "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert let_out[8080]["to"][0]["podSelector"]["matchLabels"].items() <= router.items()
    let_in = {
        port["port"]
        for policy in rendered
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("ingress", ())
        if any(_selects(peer, labels) for peer in rule.get("from", ()))
        for port in rule["ports"]
    }
    assert let_in == {8080, 9190, 19530} == let_out.keys() & let_in
    closed = _one(helm.template(networkPolicy={"enabled": True, "milvusPorts": []}), "NetworkPolicy")
    assert 19530 not in {port["port"] for rule in closed["spec"]["egress"] for port in rule["ports"]}


def test_a_digest_wins_over_the_tag(helm: Helm) -> None:
    text = helm.template(image={"repository": "r.example/o", "tag": "1", "digest": "sha256:" + "b" * 64})
    assert _container(text)["image"] == "r.example/o@sha256:" + "b" * 64


def test_both_images_take_digests_and_the_operator_pull_secrets(helm: Helm) -> None:
    text = helm.template(
        imagePullSecrets=[{"name": "registry"}],
        routerImage={"repository": "r.example/router", "tag": "1", "digest": "sha256:" + "c" * 64},
    )
    assert "--image=r.example/router@sha256:" + "c" * 64 in _container(text)["args"]
    pod = _one(text, "Deployment")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_a_service_monitor_selects_the_metrics_service(helm: Helm) -> None:
    wanted = {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}}
    text = helm.template(metrics={"service": False, "serviceMonitor": wanted})
    monitor, service = _one(text, "ServiceMonitor"), _one(text, "Service", "semantic-router-operator-metrics")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["interval"]) == (service["spec"]["ports"][0]["name"], "15s")


def test_the_webhook_s_certificate_is_the_operator_s_or_cert_manager_s(helm: Helm) -> None:
    own = helm.template(webhook={"enabled": True})
    assert "Certificate" not in {each["kind"] for each in yaml.safe_load_all(own) if each}
    assert "--webhook-port=9443" in _container(own)["args"]
    assert "--webhook-configuration=semantic-router-operator" in _container(own)["args"]
    service, name = _one(own, "Service", "semantic-router-operator-webhook"), "semantic-router-operator"
    client = _one(own, "ValidatingWebhookConfiguration", name)["webhooks"][0]["clientConfig"]
    assert client["service"]["name"] == service["metadata"]["name"]
    assert _one(own, "Role", f"{name}-webhook")["rules"][1]["resourceNames"] == [f"{name}-webhook-tls"]

    theirs = helm.template(webhook={"enabled": True, "certificates": "cert-manager"})
    certificate = _one(theirs, "Certificate", f"{name}-webhook")
    configuration = _one(theirs, "ValidatingWebhookConfiguration", name)
    injected = configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
    assert injected.partition("/")[2] == certificate["metadata"]["name"]
    assert "--webhook-certificates=/webhook" in _container(theirs)["args"]
    volumes = _one(theirs, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert certificate["spec"]["secretName"] in [each.get("secret", {}).get("secretName") for each in volumes]
    assert not [each for each in yaml.safe_load_all(theirs) if each and each["metadata"]["name"] == f"{name}-webhook"
                and each["kind"] in ("ClusterRole", "Role")]  # fmt: skip


def test_a_webhook_asks_only_about_watched_namespaces(helm: Helm, namespace: str) -> None:
    text = helm.template(webhook={"enabled": True}, watchNamespaces=[namespace])
    (webhook,) = _one(text, "ValidatingWebhookConfiguration")["webhooks"]
    (expression,) = webhook["namespaceSelector"]["matchExpressions"]
    assert expression["values"] == [namespace]
    assert webhook["failurePolicy"] == "Ignore"


def test_without_rbac_the_chart_makes_no_right(helm: Helm) -> None:
    text = helm.template(rbac={"create": False, "aggregate": False}, webhook={"enabled": True})
    kinds = {each["kind"] for each in yaml.safe_load_all(text) if each}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 3}, "replica"),
        ({"image": {"repository": "x", "digest": "latest"}}, "digest"),
        ({"watchNamespaces": ["Not-A-Name"]}, "watchNamespaces"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name"),
        ({"fullnameOverride": "Not_A_Name"}, "fullnameOverride"),
        ({"extraEnv": [{"value": "nameless"}]}, "extraEnv"),
    ],
)
def test_a_wrong_value_is_refused_by_name(helm: Helm, values: dict[str, Any], named: str) -> None:
    assert named in helm.refusal(**values)


@pytest.mark.parametrize("folder", ["default", "namespaced", "webhook"])
def test_the_api_server_takes_the_manifests(kubectl: Kubectl, folder: str) -> None:
    text = kubectl("kustomize", str(ROOT / "manifests" / folder))
    own = {"semantic-router-system": kubectl.namespace, "vllm-semantic-router-system": kubectl.namespace}
    objects = []
    for each in yaml.safe_load_all(text):
        if each["kind"] == "Namespace":
            continue
        if each["metadata"].get("namespace"):
            each["metadata"]["namespace"] = own[each["metadata"]["namespace"]]
        for subject in each.get("subjects", ()):
            subject["namespace"] = own[subject["namespace"]]
        objects.append(each)
    told = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(objects))
    assert told.count("serverside-applied (server dry run)") == len(objects)


def test_chart_and_manifests_run_the_same_container(helm: Helm, kubectl: Kubectl) -> None:
    chart = _container(helm.template())
    manifests = _container(kubectl("kustomize", str(ROOT / "manifests" / "default")))
    del chart["imagePullPolicy"]
    chart["args"].remove("--lease-name=semantic-router-operator")
    manifests["env"] = [each for each in manifests["env"] if each["name"] != "POD_NAMESPACE"]
    assert chart == manifests


def _selects(peer: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = peer.get("podSelector", {}).get("matchLabels", {})
    return bool(wanted) and wanted.items() <= labels.items()


def _container(text: str) -> dict[str, Any]:
    container: dict[str, Any] = _one(text, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return container
