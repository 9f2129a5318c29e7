"""The answer to a ConversionReview, by which the API server reads resources in another version than they are stored."""

from collections.abc import Mapping
from typing import Any

from semantic_router_operator.api.conversion import UnknownVersionError, convert

Json = dict[str, Any]


def convert_review(body: Mapping[str, Any]) -> Json:
    """Return the ConversionReview (apiextensions.k8s.io/v1) that answers `body`. Raises ValueError for what is none."""
    request = body.get("request")
    if not isinstance(request, Mapping) or not isinstance(request.get("uid"), str):
        raise ValueError("not a ConversionReview: request.uid is missing")
    version = str(request.get("desiredAPIVersion", "")).rpartition("/")[2]
    answer: Json = {"uid": request["uid"], "result": {"status": "Success"}}
    try:
        answer["convertedObjects"] = [convert(each, version) for each in request.get("objects") or ()]
    except UnknownVersionError as error:
        answer["result"] = {"status": "Failure", "message": str(error)}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": answer}
