"""What an informer keeps of lists, watches and our own writes."""

from typing import Any, cast

import pytest

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.informer import Informer

Json = dict[str, Any]


def _informer(told: list[str]) -> Informer:
    def changed(obj: Json) -> None:
        told.append(f"{obj['metadata']['name']}@{obj['metadata']['resourceVersion']}")

    nobody = cast(Connection, None)
    return Informer(nobody, cast(Discovery, None), "v1", "ConfigMap", None, "", changed)


def _object(name: str, version: int, instance: str = "x", uid: str = "") -> Json:
    labels = {"app.kubernetes.io/instance": instance}
    metadata = {"name": name, "namespace": "a", "resourceVersion": str(version), "uid": uid or name, "labels": labels}
    return {"metadata": metadata}


def _event(kind: str, obj: Json) -> Json:
    return {"type": kind, "object": obj}


def _names(informer: Informer, instance: str = "x") -> list[str]:
    return [obj["metadata"]["name"] for obj in informer.of_instance("a", instance)]


def test_events_and_the_instance_s_objects() -> None:
    told: list[str] = []
    informer = _informer(told)
    informer._take(_event("ADDED", _object("two", 2)))
    informer._take(_event("ADDED", _object("one", 3)))
    informer._take(_event("MODIFIED", _object("one", 4)))
    informer._take(_event("BOOKMARK", {"metadata": {"resourceVersion": "9"}}))
    assert _names(informer) == ["one", "two"]
    informer._take(_event("MODIFIED", _object("one", 10, instance="y")))
    assert (_names(informer), _names(informer, "y")) == (["two"], ["one"])
    informer._take(_event("DELETED", _object("two", 11)))
    informer._take(_event("DELETED", _object("two", 11)))
    assert _names(informer) == []
    assert told == ["two@2", "one@3", "one@4", "one@10", "two@11"]


def test_the_echo_of_our_own_write_is_no_news_and_an_older_event_does_not_undo_it() -> None:
    told: list[str] = []
    informer = _informer(told)
    informer.remember(_object("one", 5))
    informer._take(_event("MODIFIED", _object("one", 4)))
    informer._take(_event("MODIFIED", _object("one", 5)))
    assert told == []
    # Another object of the same name, whatever its number.
    informer._take(_event("ADDED", _object("one", 3, uid="other")))
    assert told == ["one@3"]


def test_a_new_list_tells_only_what_differs() -> None:
    told: list[str] = []
    informer = _informer(told)
    for name, version in (("same", 1), ("newer", 2), ("gone", 3)):
        informer.remember(_object(name, version))
    found = {("a", name): _object(name, version) for name, version in (("same", 1), ("newer", 7), ("added", 8))}
    informer._replace(found)
    assert sorted(told) == ["added@8", "gone@3", "newer@7"]
    assert _names(informer) == ["added", "newer", "same"]


def test_an_error_in_the_stream_is_raised() -> None:
    with pytest.raises(ApiError) as caught:
        _informer([])._take(_event("ERROR", {"code": 410, "reason": "Expired", "message": "too old"}))
    assert caught.value.expired
