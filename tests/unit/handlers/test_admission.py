"""What the webhook answers."""

from typing import Any

import pytest
from tests.unit.api.wrong import REFUSED_BY_BOTH, REFUSED_BY_THE_MODEL, resource

from semantic_router_operator.handlers.admission import review

Json = dict[str, Any]


def _asked(raw: Json, operation: str = "CREATE", before: Json | None = None) -> Json:
    request = {"uid": "1", "operation": operation, "namespace": "a", "object": raw, "oldObject": before}
    answer = review({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
    assert answer["response"]["uid"] == "1"
    return dict(answer["response"])


def test_a_valid_resource_is_let_in() -> None:
    assert _asked(resource("a", {})) == {"uid": "1", "allowed": True}


@pytest.mark.parametrize(("spec", "said"), REFUSED_BY_THE_MODEL, ids=[said for _, said in REFUSED_BY_THE_MODEL])
def test_a_wrong_one_is_refused_in_the_model_s_words(spec: Json, said: str) -> None:
    answer = _asked(resource("a", spec))
    assert answer["allowed"] is False
    assert said in answer["status"]["message"]
    assert answer["status"]["code"] == 422


def test_what_was_let_in_before_may_be_labelled_and_deleted() -> None:
    wrong = resource("a", REFUSED_BY_BOTH[0][0])
    assert _asked(wrong, "UPDATE", resource("a", {}))["allowed"] is False
    assert _asked(wrong, "UPDATE", wrong)["allowed"] is True
    leaving = {**wrong, "metadata": {**wrong["metadata"], "deletionTimestamp": "2026-11-21T10:00:00Z"}}
    assert _asked(leaving, "UPDATE", resource("a", {}))["allowed"] is True
    assert _asked({}, "DELETE", wrong)["allowed"] is True


def test_a_name_that_is_generated_is_not_there_yet() -> None:
    raw = resource("a", {})
    raw["metadata"] = {"generateName": "team-"}
    assert _asked(raw)["allowed"] is True


def test_what_is_no_review_is_an_error() -> None:
    with pytest.raises(ValueError, match="not an AdmissionReview"):
        review({"request": {}})
