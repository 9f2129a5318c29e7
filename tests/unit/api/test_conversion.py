"""Between versions nothing is lost, in either direction, whatever a spec holds."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plan.resources import specs

from semantic_router_operator.api.conversion import UnknownVersionError, convert
from semantic_router_operator.api.validate import parse
from semantic_router_operator.handlers.conversion import convert_review

Json = dict[str, Any]
ALPHA, BETA = "semanticrouter.dev/v1alpha1", "semanticrouter.dev/v1beta1"
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
SWITCHES = st.sampled_from(["auto", "on", "off"])
LANGUAGES = st.lists(st.fixed_dictionaries({"name": st.sampled_from(["en", "de"])}), max_size=2, unique_by=str)


@st.composite
def _resources(draw: st.DrawFn) -> Json:
    """Valid resources that use what the versions call by other names."""
    spec = draw(specs())
    spec |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "monitoring": st.fixed_dictionaries(
                    {}, optional={"serviceMonitor": SWITCHES, "rules": SWITCHES, "dashboard": st.booleans()}
                ),
                "routing": st.fixed_dictionaries(
                    {}, optional={"signals": st.fixed_dictionaries({}, optional={"language": LANGUAGES})}
                ),
            },
        )
    )
    return {"apiVersion": ALPHA, "kind": "SemanticRouter", "metadata": {"name": "a", "uid": "u"}, "spec": spec}


# Whatever somebody stored past the definition.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["on", "Enabled", "x"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["routing", "signals", "language", "languages", "monitoring", "rules", "serviceMonitor"]),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_resources())
def test_there_and_back_is_the_same(resource: Json) -> None:
    before = copy.deepcopy(resource)
    newer = convert(resource, "v1beta1")
    assert resource == before, "the given resource was changed"
    assert newer["apiVersion"] == BETA
    assert convert(newer, "v1alpha1") == resource
    assert convert(convert(newer, "v1alpha1"), "v1beta1") == newer
    assert convert(resource, "v1alpha1") == resource


@given(_resources())
def test_a_converted_resource_means_the_same(resource: Json) -> None:
    assert parse(convert(convert(resource, "v1beta1"), "v1alpha1")) == parse(resource)


@given(ANYTHING)
def test_no_content_makes_it_fail_or_lose_metadata(spec: object) -> None:
    resource = {"apiVersion": ALPHA, "metadata": {"name": "a", "labels": {"language": "on"}}, "spec": spec}
    newer = convert(resource, "v1beta1")
    assert newer["metadata"] == resource["metadata"]
    assert convert(newer, "v1beta1") == newer


def test_what_is_called_otherwise() -> None:
    spec = {
        "routing": {"signals": {"language": [{"name": "de"}]}},
        "monitoring": {"serviceMonitor": "on", "rules": "off", "labels": {"rules": "on"}},
    }
    newer = convert({"apiVersion": ALPHA, "spec": spec}, "v1beta1")["spec"]
    assert newer == {
        "routing": {"signals": {"languages": [{"name": "de"}]}},
        "monitoring": {"serviceMonitor": "Enabled", "rules": "Disabled", "labels": {"rules": "on"}},
    }


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_survives(file: Path) -> None:
    for raw in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        assert convert(convert(raw, "v1beta1"), "v1alpha1") == raw


def test_a_version_that_nobody_knows_is_named() -> None:
    for given_version, wanted in (("semanticrouter.dev/v9", "v1beta1"), (ALPHA, "v9"), ("apps/v1alpha1", "v1beta1")):
        with pytest.raises(UnknownVersionError, match=r"v9|apps/v1alpha1"):
            convert({"apiVersion": given_version, "spec": {}}, wanted)


def test_a_review_converts_all_objects_or_says_why_not() -> None:
    objects = [{"apiVersion": ALPHA, "metadata": {"name": name}, "spec": {}} for name in "ab"]
    request = {"uid": "1", "desiredAPIVersion": BETA, "objects": objects}
    response = convert_review({"request": request})["response"]
    assert response["uid"] == "1"
    assert response["result"] == {"status": "Success"}
    assert [each["apiVersion"] for each in response["convertedObjects"]] == [BETA, BETA]
    failed = convert_review({"request": {**request, "desiredAPIVersion": "semanticrouter.dev/v9"}})["response"]
    assert failed["result"]["status"] == "Failure"
    assert "v9" in failed["result"]["message"]
    with pytest.raises(ValueError, match="not a ConversionReview"):
        convert_review({})
