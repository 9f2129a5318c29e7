"""Carries a plan's writes out; what the API server refuses is told, and does not stop the rest."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.plan.difference import differences
from semantic_router_operator.plan.handover import HANDOVER_MANAGER
from semantic_router_operator.plan.key import ObjectKey, key_of
from semantic_router_operator.plan.reconcile import Plan

Json = dict[str, Any]
Key = tuple[str, str]

log = structlog.get_logger()


class WriteRefusedError(Exception):
    """The API server refused a write; the resource's status says which."""


class Writer:
    """`remember` is called with each answer to an apply."""

    def __init__(self, objects: Objects, remember: Callable[[Json], None]) -> None:
        self._objects = objects
        self._remember = remember
        self._settled: dict[Key, dict[ObjectKey, tuple[str, str]]] = {}

    async def write(self, key: Key, todo: Plan, observed: Iterable[ObjectKey]) -> dict[ObjectKey, str]:
        """Returns a sentence for each object that the API server refuses. Raises ApiError when it cannot be asked."""
        there, failed = set(observed), dict[ObjectKey, str]()
        for handover in todo.handovers:
            await self._objects.apply(handover, HANDOVER_MANAGER)
        # What a pod reads stands before the pod; the rest is independent of each other, and done at a time.
        pods = [obj for obj in todo.applies if obj["kind"] == "Deployment"]
        for together in ([obj for obj in todo.applies if obj["kind"] != "Deployment"], pods):
            if together is pods and not there.issuperset(failed):
                break  # the pods would wait for what could not be made
            outcomes = await asyncio.gather(*(self._apply(key, obj) for obj in together), return_exceptions=True)
            for obj, outcome in zip(together, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                if outcome is not None:
                    failed[key_of(obj)] = outcome
        for delete in todo.deletes:
            await self._objects.delete(delete.key, delete.uid)
            log.info("deleted", namespace=key[0], name=key[1], object=str(delete.key))
        return failed

    async def _apply(self, key: Key, obj: Json) -> str | None:
        """A sentence where the API server refuses it. Raises ApiError."""
        child = key_of(obj)
        try:
            result = await self._objects.apply(obj)
        except UnknownKindError as error:
            return str(error)
        except ApiError as error:
            if not error.refusal:
                raise
            return error.explained(str(child))
        self._remember(result)
        self._note(key, obj, result)
        log.info("applied", namespace=key[0], name=key[1], object=str(child))
        return None

    def settled(
        self, key: Key, desired: Iterable[Mapping[str, Any]], observed: Mapping[ObjectKey, Mapping[str, Any]]
    ) -> frozenset[ObjectKey]:
        """Objects that are as admission made them of our last apply: to apply the same again would change nothing."""
        known = self._settled.get(key)
        if not known:
            return frozenset()
        found = ((key_of(obj), obj) for obj in desired)
        return frozenset(
            child
            for child, obj in found
            if child in known and child in observed and known[child] == (_digest(obj), _version(observed[child]))
        )

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self._settled.pop(key, None)

    def _note(self, key: Key, obj: Json, result: Json) -> None:
        child, paths = key_of(obj), differences(obj, result)
        if paths:
            self._settled.setdefault(key, {})[child] = (_digest(obj), _version(result))
            log.warning("changed_by_admission", namespace=key[0], name=key[1], object=str(child), paths=paths)
        else:
            self._settled.get(key, {}).pop(child, None)


def _digest(obj: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(obj, sort_keys=True).encode()).hexdigest()


def _version(obj: Mapping[str, Any]) -> str:
    """Moves with the spec and not with the status, where the kind can tell them apart."""
    metadata = obj["metadata"]
    return f"{metadata['uid']}/{metadata.get('generation') or metadata['resourceVersion']}"
