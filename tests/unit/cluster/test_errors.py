"""What the API server refuses, in one sentence for the resource's status."""

import json

from semantic_router_operator.cluster.connection import _error, _retry_after
from semantic_router_operator.cluster.errors import ApiError


def _status(**body: object) -> ApiError:
    return _error(422, json.dumps({"reason": "Invalid", "message": "whole object", **body}).encode())


def test_causes_are_told_without_the_value() -> None:
    cause = {
        "reason": "FieldValueInvalid",
        "field": "spec.selector",
        "message": 'Invalid value: {"matchLabels":{"a":"canary: value"}}: field is immutable',
    }
    text = _status(details={"causes": [cause]}).explained("Deployment/x")
    assert text == (
        "Deployment/x was refused by the API server: spec.selector: field is immutable."
        " Set the field back, or delete the object and let it be made anew."
    )


def test_a_missing_right_is_named_as_one() -> None:
    message = 'ingresses is forbidden: User "u" cannot create resource "ingresses" in the namespace "a"'
    text = ApiError(403, "Forbidden", message).explained("Ingress/x")
    assert text.endswith("Give the operator's role this right.")


def test_a_long_message_is_one_line_and_cut() -> None:
    text = ApiError(400, "BadRequest", "errors:\n  .spec: wrong\n" + "x" * 1000).explained("Service/x")
    assert "errors: .spec: wrong" in text
    assert len(text) < 600


def test_an_answer_that_is_no_status() -> None:
    assert _error(502, b"<html>bad gateway</html>").message == "<html>bad gateway</html>"
    assert _error(500, b"").message == "HTTP 500"


def test_which_answers_are_refusals() -> None:
    assert all(ApiError(status, "", "").refusal for status in (400, 403, 404, 422, 500, 503))
    assert not any(ApiError(status, "", "").refusal for status in (0, 408, 409, 410, 429))


def test_retry_after() -> None:
    assert _retry_after("7") == 7
    assert _retry_after("9999") == 60
    assert _retry_after(None) == 0
    assert _retry_after("Wed, 21 Oct 2026 07:28:00 GMT") == 0
