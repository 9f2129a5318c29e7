"""Random edits on the real API server end where a fresh apply of the last one ends."""

import json
from typing import Any

from hypothesis import Phase, given, settings
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.unit.plan.resources import specs

Json = dict[str, Any]
EDITS = 30
KINDS = "deployments,services,configmaps,serviceaccounts,persistentvolumeclaims,horizontalpodautoscalers.autoscaling,"
KINDS += "poddisruptionbudgets,ingresses"
COUNTED = frozenset({"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "namespace"})
# Handed out by the API server, or decided by controllers.
GIVEN = frozenset({"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "volumeName"})


def test_edits_end_where_a_fresh_apply_ends(kubectl: Kubectl, operators: Operators) -> None:
    drawn: list[Json] = []

    @settings(max_examples=EDITS, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
    @given(specs())
    def draw(spec: Json) -> None:
        drawn.append(spec)

    draw()
    operators.start()
    kubectl("create", "secret", "generic", "keys", "--from-literal=one=1")
    for number, spec in enumerate(drawn):
        verb = "replace" if number else "create"
        eventually(lambda verb=verb, spec=spec: _stored(kubectl, verb, _resource("edited", spec)))
        eventually(lambda: condition(kubectl, "ConfigValid", "edited"))
        assert condition(kubectl, "ConfigValid", "edited")["status"] == "True"
        degraded = condition(kubectl, "Degraded", "edited")
        # There is no Milvus at the address of the specs that name one.
        no_milvus = condition(kubectl, "MilvusReady", "edited").get("reason")
        assert degraded["status"] == "False" or degraded["reason"] == no_milvus, degraded
    kubectl("create", "-f", "-", stdin=_resource("fresh", drawn[-1]))
    eventually(lambda: condition(kubectl, "Ready", "fresh"))
    assert "Deployment/NAME" in _children(kubectl, "fresh")
    eventually(lambda: _children(kubectl, "edited") == _children(kubectl, "fresh"))


def _stored(kubectl: Kubectl, verb: str, resource: Json) -> bool:
    """False where a status written meanwhile makes it a conflict."""
    done = kubectl.run(verb, "-f", "-", stdin=resource)
    assert done.returncode == 0 or "(Conflict)" in done.stderr, done.stderr
    return done.returncode == 0


def _resource(name: str, spec: Json) -> Json:
    head = {"apiVersion": "semanticrouter.dev/v1alpha1", "kind": "SemanticRouter"}
    return {**head, "metadata": {"name": name}, "spec": spec}


def _children(kubectl: Kubectl, name: str) -> Json:
    selector = f"app.kubernetes.io/instance={name},app.kubernetes.io/managed-by=semantic-router-operator"
    text = kubectl("get", KINDS, "-l", selector, "-o", "json").replace(name, "NAME")
    items = [each for each in json.loads(text)["items"] if "deletionTimestamp" not in each["metadata"]]
    scaled = any(item["kind"] == "HorizontalPodAutoscaler" for item in items)
    found = {}
    for item in items:
        metadata = {key: value for key, value in item["metadata"].items() if key not in COUNTED}
        metadata["ownerReferences"] = [{**each, "uid": ""} for each in metadata["ownerReferences"]]
        metadata.get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
        spec = dict(item.get("spec") or {})
        if item["kind"] == "Deployment" and scaled:
            spec.pop("replicas")
        found[f"{item['kind']}/{metadata['name']}"] = _plain([metadata, spec, item.get("data")])
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in sorted(value.items()) if key not in GIVEN and below != {}}
    if isinstance(value, list):
        items = [_plain(each) for each in value]
        named = all(isinstance(each, dict) and ("name" in each or "mountPath" in each) for each in items)
        return sorted(items, key=lambda each: json.dumps(each, sort_keys=True)) if named else items
    return value
