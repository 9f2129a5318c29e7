"""Every kind that is rendered anywhere is watched, removed when it is switched off, and granted in the role."""

from pathlib import Path

import pytest
import yaml

from semantic_router_operator.handlers.reconciler import KINDS, slim_pod
from semantic_router_operator.plan.drift import field_of
from semantic_router_operator.plan.key import ObjectKey
from semantic_router_operator.render.rbac import rules

CASES = sorted((Path(__file__).parents[2] / "golden" / "cases").glob("*/objects.yaml"))
RENDERED = sorted(
    {
        (each["apiVersion"], each["kind"])
        for case in CASES
        for each in yaml.load_all(case.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    }
)


@pytest.mark.parametrize(("api_version", "kind"), RENDERED)
def test_a_rendered_kind_is_watched(api_version: str, kind: str) -> None:
    assert (api_version, kind) in KINDS


def test_the_role_grants_what_is_done_with_each_kind_and_no_more() -> None:
    for rule in rules():
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        if "secrets" in rule["resources"]:
            # It makes the logins of a Milvus of its own, and changes them when it is asked to; none is ever removed.
            assert set(rule["verbs"]) <= {"get", "list", "watch", "create", "patch"}


@pytest.mark.parametrize(("api_version", "kind"), RENDERED)
def test_a_reverted_edit_names_a_field_of_the_resource(api_version: str, kind: str) -> None:
    assert field_of(ObjectKey(api_version, kind, "a", "x"), "spec").startswith(("spec.", "the spec"))


def test_of_a_pod_only_its_state_is_kept() -> None:
    annotations = {"a": "b", "semanticrouter.dev/checksum": "0f"}
    pod = {
        "metadata": {"name": "p", "namespace": "a", "uid": "u", "resourceVersion": "1", "annotations": annotations},
        "spec": {"containers": [{"name": "router", "env": [{"name": "KEY", "value": "canary"}]}]},
        "status": {"containerStatuses": [{"name": "router"}], "podIP": "10.0.0.1"},
    }
    slim = slim_pod(pod)
    assert "canary" not in str(slim)
    assert slim["metadata"]["annotations"] == {"semanticrouter.dev/checksum": "0f"}
    assert slim["status"] == {"containerStatuses": [{"name": "router"}], "podIP": "10.0.0.1"}
