"""Logins of a managed Milvus survive an operator that is killed before or after any of its writes; on a real server."""

import base64
import copy
from collections.abc import Mapping
from typing import Any

import pytest

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.handlers.milvus_logins import MilvusLogins, login_of
from semantic_router_operator.plan.credentials import ROTATE_ANNOTATION, is_router_user
from semantic_router_operator.plan.key import ObjectKey, key_of
from semantic_router_operator.probes.milvus import Target, connect, probe
from tests.milvus.conftest import ROOT_TOKEN
from tests.milvus.server import MilvusServer

pytestmark = pytest.mark.xdist_group("milvus-server")
Json = dict[str, Any]
ROOT_PASSWORD = ROOT_TOKEN.partition(":")[2]


class KilledError(Exception):
    """The operator has ended here."""


class Secrets:
    """Secrets as the API server holds them; the write number `kill_at` is the last, and `before` it or after it."""

    def __init__(self, kill_at: int | None = None, *, before: bool = False) -> None:
        self.kept: dict[ObjectKey, Json] = {}
        self.writes = 0
        self.kill_at, self.before = kill_at, before
        self._version = 0

    def version(self, namespace: str, name: str) -> str | None:
        found = self.kept.get(ObjectKey("v1", "Secret", namespace, name))
        return str(found["metadata"]["resourceVersion"]) if found is not None else None

    async def get(self, key: ObjectKey) -> Json | None:
        return copy.deepcopy(self.kept.get(key))

    async def create(self, obj: Mapping[str, Any]) -> bool:
        self._written(key_of(obj), dict(obj))
        return True

    async def merge(self, key: ObjectKey, change: Mapping[str, Any]) -> Json:
        there = self.kept[key]
        annotations = (there["metadata"].get("annotations") or {}) | (change["metadata"].get("annotations") or {})
        merged = {**there, "metadata": {**there["metadata"], "annotations": annotations}}
        self._written(key, {**merged, "stringData": change.get("stringData") or {}})
        return copy.deepcopy(self.kept[key])

    def _written(self, key: ObjectKey, obj: Json) -> None:
        self.writes += 1
        if self.writes == self.kill_at and self.before:
            raise KilledError
        self._version += 1
        given = {name: base64.b64encode(text.encode()).decode() for name, text in obj.pop("stringData", {}).items()}
        metadata = {**obj["metadata"], "resourceVersion": str(self._version)}
        self.kept[key] = {**obj, "metadata": metadata, "data": (obj.get("data") or {}) | given}
        if self.writes == self.kill_at:
            raise KilledError


def _raw(rotate: str) -> Json:
    annotations = {ROTATE_ANNOTATION: rotate} if rotate else {}
    metadata = {"name": "team", "namespace": "own", "uid": "u", "annotations": annotations}
    return {"metadata": metadata, "spec": {"milvus": {"managed": {}}}}


async def _pass(logins: MilvusLogins, secrets: Secrets, raw: Json, resource: SemanticRouter, target: Target) -> None:
    """What one pass of the operator does, where every pod of the router is of the present template."""
    await logins.keep(resource, retained=False)
    await logins.provide(raw, resource, "uid-of-milvus", target)
    used = secrets.version("own", "team-milvus-auth")
    if logins.untidy(resource, used):
        await logins.tidy(resource, target)


async def _live(secrets: Secrets, target: Target) -> None:
    """A first start and a rotation, with an operator that is started again whenever it is killed."""
    for rotate in ("", "once"):
        raw, logins = _raw(rotate), MilvusLogins(secrets, secrets)
        resource = parse(raw)
        for _ in range(4):
            try:
                await _pass(logins, secrets, raw, resource, target)
            except KilledError:
                logins = MilvusLogins(secrets, secrets)


def _begin(secrets: Secrets, target: Target) -> None:
    root = {"name": "team-milvus-root", "namespace": "own", "resourceVersion": "0", "ownerReferences": []}
    data = {"password": base64.b64encode(ROOT_PASSWORD.encode()).decode()}
    owner = {"controller": True, "uid": "u"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {**root, "ownerReferences": [owner]}, "data": data}
    secrets.kept[ObjectKey("v1", "Secret", "own", "team-milvus-root")] = secret
    for name in _users(target):
        with connect(_as_root(target)) as client:
            client.drop_user(name, timeout=10)


def _as_root(target: Target) -> Target:
    return Target(target.host, target.port, username="root", password=ROOT_PASSWORD)


def _users(target: Target) -> list[str]:
    with connect(_as_root(target)) as client:
        return [name for name in client.list_users(timeout=10) if is_router_user(name)]


async def test_killed_at_every_write(milvus_server: MilvusServer) -> None:
    target = Target("127.0.0.1", milvus_server.port)
    whole = Secrets()
    _begin(whole, target)
    await _live(whole, target)
    # The user's Secret, its mark, the rotated Secret, its mark.
    assert whole.writes == 4
    for kill_at in range(1, whole.writes + 1):
        for before in (True, False):
            secrets = Secrets(kill_at, before=before)
            _begin(secrets, target)
            await _live(secrets, target)
            login = login_of(secrets.kept[ObjectKey("v1", "Secret", "own", "team-milvus-auth")])
            assert _users(target) == [login.username] == ["semantic_router_2"], (kill_at, before)
            found = probe(Target(target.host, target.port, username=login.username, password=login.password))
            assert found.reason == "", (kill_at, before)
