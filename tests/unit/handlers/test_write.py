"""What is done with a plan where the API server takes one write and refuses the other."""

from typing import Any, cast

import pytest

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.handlers.write import Writer
from semantic_router_operator.plan.key import ObjectKey, key_of
from semantic_router_operator.plan.reconcile import Delete, Plan

Json = dict[str, Any]
KEY = ("a", "x")


class Server:
    """Answers applies with what it was given, changed by `mutate`, or with an error by kind."""

    def __init__(self, errors: dict[str, ApiError] | None = None, image: str | None = None) -> None:
        self.errors = errors or {}
        self.image = image
        self.applied: list[str] = []
        self.deleted: list[str] = []

    async def apply(self, obj: Json, manager: str = "") -> Json:
        if error := self.errors.get(obj["kind"]):
            raise error
        self.applied.append(f"{obj['kind']}{' handover' if 'handover' in manager else ''}")
        result = {**obj, "metadata": {**obj["metadata"], "uid": "u", "resourceVersion": "1", "generation": 1}}
        if self.image is not None and obj["kind"] == "Deployment":
            result["spec"] = {**obj["spec"], "image": self.image}
        return result

    async def delete(self, key: ObjectKey, uid: str) -> None:
        self.deleted.append(key.kind)


def _object(kind: str, **spec: Any) -> Json:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "a"}, "spec": spec}


def _writer(server: Server) -> Writer:
    return Writer(cast(Objects, server), lambda obj: None)


async def test_order_and_completeness() -> None:
    server = Server()
    service = key_of(_object("Service"))
    plan = Plan(
        handovers=(_object("Deployment", replicas=1),),
        applies=(_object("ConfigMap"), _object("Deployment")),
        deletes=(Delete(service, "u"),),
    )
    assert await _writer(server).write(KEY, plan, []) == {}
    assert server.applied == ["Deployment handover", "ConfigMap", "Deployment"]
    assert server.deleted == ["Service"]


async def test_a_deployment_waits_for_what_its_pods_need_and_could_not_be_made() -> None:
    refused = ApiError(403, "Forbidden", 'exceeded quota: "x"')
    plan = Plan(applies=(_object("ConfigMap"), _object("Service"), _object("Deployment")))
    server = Server({"ConfigMap": refused})
    failed = await _writer(server).write(KEY, plan, [])
    assert server.applied == ["Service"]
    assert "ConfigMap/x was refused by the API server: exceeded quota" in failed[key_of(_object("ConfigMap"))]
    # It is there already: then the Deployment can go on with it.
    server = Server({"ConfigMap": refused})
    await _writer(server).write(KEY, plan, [key_of(_object("ConfigMap"))])
    assert server.applied == ["Service", "Deployment"]


@pytest.mark.parametrize("status", [0, 409, 410, 429])
async def test_what_may_succeed_at_once_is_left_to_the_next_try(status: int) -> None:
    server = Server({"ConfigMap": ApiError(status, "", "later")})
    with pytest.raises(ApiError):
        await _writer(server).write(KEY, Plan(applies=(_object("ConfigMap"),)), [])


async def test_what_admission_changed_is_settled_until_either_side_moves() -> None:
    writer = _writer(Server(image="mirror"))
    wanted = _object("Deployment", image="mine")
    await writer.write(KEY, Plan(applies=(wanted,)), [])
    child = key_of(wanted)
    held = {**wanted, "metadata": {**wanted["metadata"], "uid": "u", "resourceVersion": "9", "generation": 1}}
    edited = {**held, "metadata": {**held["metadata"], "generation": 2}}
    assert writer.settled(KEY, [wanted], {child: held}) == {child}
    assert writer.settled(KEY, [_object("Deployment", image="other")], {child: held}) == frozenset()
    assert writer.settled(KEY, [wanted], {child: edited}) == frozenset()
    assert writer.settled(KEY, [wanted], {}) == frozenset()
    writer.forget(KEY)
    assert writer.settled(KEY, [wanted], {child: held}) == frozenset()
