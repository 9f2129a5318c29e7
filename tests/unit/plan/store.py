"""The API server's part in memory: server-side apply, field ownership, defaults. As far as planning can see it.

Follows "Server-Side Apply" of the Kubernetes documentation: an apply sets what it sends and removes what its manager
sent before and nobody else owns; force takes ownership of what differs; an update owns what it changes.
"""

import copy
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from semantic_router_operator.plan.key import FIELD_MANAGER, ObjectKey, key_of
from semantic_router_operator.plan.reconcile import Plan

Json = dict[str, Any]
Path = tuple[str, ...]
# Lists that are merged by the keys of their items; all others are replaced as a whole.
LIST_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
PORT_KEYS = {"Service": ("port", "protocol"), "Deployment": ("containerPort", "protocol")}
DEPLOYMENT_DEFAULTS = {"replicas": 1, "progressDeadlineSeconds": 600}
CONTAINER_DEFAULTS = {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}


class Store:
    """Objects by key, with resourceVersion, generation and managedFields as the API server keeps them."""

    def __init__(self) -> None:
        self.objects: dict[ObjectKey, Json] = {}
        self.writes = 0
        self._owned: dict[ObjectKey, dict[str, set[Path]]] = {}
        self._versions = itertools.count(1)

    def carry_out(self, plan: Plan, handover_manager: str = "handover") -> None:
        """What the writer does with a plan's handovers, applies and deletes."""
        for obj in plan.handovers:
            self.apply(obj, handover_manager)
        for obj in plan.applies:
            self.apply(obj)
        for delete in plan.deletes:
            assert self.objects[delete.key]["metadata"]["uid"] == delete.uid
            self.delete(delete.key)

    def apply(self, obj: Mapping[str, Any], manager: str = FIELD_MANAGER) -> Json:
        """Forced server-side apply."""
        key = key_of(obj)
        owned = self._owned.setdefault(key, {})
        body = {name: value for name, value in copy.deepcopy(dict(obj)).items() if name not in ("apiVersion", "kind")}
        new = set(_leaves(body, (), key.kind))
        live = self._live(key)
        others = set().union(*(paths for name, paths in owned.items() if name != manager))
        # Whole list items first: without its key an item could not be found again.
        for path in sorted(owned.get(manager, set()) - new - others, key=lambda each: (each[-1] != ".", -len(each))):
            _remove(live, path)
        for name in list(owned):
            if name != manager:
                owned[name] = {p for p in owned[name] if p not in new or _value(live, p) == _value(body, p, key.kind)}
        _merge(live, body, key.kind)
        owned[manager] = new
        return self._stored(key, live)

    def edit(self, key: ObjectKey, path: Path, value: Any, manager: str = "kubectl-edit") -> None:
        """An update by somebody else: sets the one field and takes it from whoever had it."""
        live = self._live(key)
        target = live
        for step in path[:-1]:
            target = _step(target, step)
        target[path[-1][2:]] = value
        for paths in self._owned[key].values():
            paths.discard(path)
        self._owned[key].setdefault(manager, set()).add(path)
        self._stored(key, live)

    def delete(self, key: ObjectKey) -> None:
        self.writes += 1
        del self.objects[key]
        del self._owned[key]

    def content(self) -> dict[str, Json]:
        """What the objects hold beside what the server counts."""
        counted = ("uid", "resourceVersion", "generation", "managedFields")
        result = {}
        for key, obj in self.objects.items():
            metadata = {name: value for name, value in obj["metadata"].items() if name not in counted}
            result[str(key)] = {**obj, "metadata": metadata}
        return result

    def _live(self, key: ObjectKey) -> Json:
        if key in self.objects:
            return copy.deepcopy(self.objects[key])
        metadata = {"name": key.name, "namespace": key.namespace, "uid": f"uid-{next(self._versions)}", "generation": 0}
        return {"apiVersion": key.api_version, "kind": key.kind, "metadata": metadata}

    def _stored(self, key: ObjectKey, live: Json) -> Json:
        if key.kind == "Deployment":
            live["spec"] = {**DEPLOYMENT_DEFAULTS, **live["spec"]}
            pod = live["spec"].get("template", {}).get("spec", {})
            for container in (*pod.get("containers", ()), *pod.get("initContainers", ())):
                container.update({**CONTAINER_DEFAULTS, **container})
        if key.kind == "Service":
            live["spec"] = {"clusterIP": "10.0.0.1", "sessionAffinity": "None", **live["spec"]}
        before = self.objects.get(key)
        live["metadata"]["managedFields"] = [
            {
                "manager": manager,
                "operation": "Update" if manager.startswith("kubectl") else "Apply",
                "fieldsV1": _tree(paths),
            }
            for manager, paths in self._owned[key].items()
            if paths
        ]
        if before != live:
            self.writes += 1
            if before is None or before.get("spec") != live.get("spec"):
                live["metadata"]["generation"] += 1
            live["metadata"]["resourceVersion"] = str(next(self._versions))
            self.objects[key] = live
        return self.objects[key]


def _keys(name: str, kind: str) -> tuple[str, ...] | None:
    return PORT_KEYS.get(kind) if name == "ports" else LIST_KEYS.get(name)


def _identity(item: Json, keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps({key: item.get(key, "TCP" if key == "protocol" else None) for key in keys})


def _leaves(value: Any, path: Path, kind: str) -> Iterator[Path]:
    """Every scalar, replaced list and list item that an apply of `value` owns."""
    keys = _keys(path[-1][2:], kind) if path and path[-1].startswith("f:") else None
    if isinstance(value, dict) and value:
        if path and path[-1].startswith("k:"):
            yield (*path, ".")
        for name, below in value.items():
            if not (path == ("f:metadata",) and name in ("name", "namespace")):
                yield from _leaves(below, (*path, f"f:{name}"), kind)
    elif isinstance(value, list) and keys:
        for item in value:
            yield from _leaves(item, (*path, _identity(item, keys)), kind)
    else:
        yield path


def _merge(live: Json, body: Json, kind: str) -> None:
    for name, value in body.items():
        keys = _keys(name, kind)
        if isinstance(value, dict) and isinstance(live.get(name), dict):
            _merge(live[name], value, kind)
        elif isinstance(value, list) and keys:
            items = live.setdefault(name, [])
            for item in value:
                found = next((each for each in items if _identity(each, keys) == _identity(item, keys)), None)
                if found is None:
                    items.append(item)
                else:
                    _merge(found, item, kind)
        else:
            live[name] = value


def _step(target: Any, step: str) -> Any:
    if step.startswith("f:"):
        return target.get(step[2:]) if isinstance(target, dict) else None
    if step == ".":
        return target
    keys = tuple(json.loads(step[2:]))
    return next((each for each in target or () if _identity(each, keys) == step), None)


def _value(target: Any, path: Path, _kind: str = "") -> Any:
    for step in path:
        target = _step(target, step)
        if target is None:
            return None
    return target if path[-1] != "." else True


def _remove(live: Json, path: Path) -> None:
    """Takes the leaf away, and the maps and lists that it leaves empty."""
    parents = [live]
    for step in path[:-1]:
        parents.append(_step(parents[-1], step))
        if parents[-1] is None:
            return
    last = path[-1]
    if last == ".":
        items, item = parents[-2], parents[-1]
        items.remove(item)
        last, parents = path[-3], parents[:-2]
        if items:
            return
        parents[-1].pop(last[2:], None)
    else:
        parents[-1].pop(last[2:], None)
    for depth in range(len(parents) - 1, 0, -1):
        if parents[depth] in ({}, []) and path[depth - 1].startswith("f:"):
            parents[depth - 1].pop(path[depth - 1][2:], None)


def _tree(paths: set[Path]) -> Json:
    root: Json = {}
    for path in sorted(paths):
        node = root
        for step in path:
            node = node.setdefault(step, {})
    return root
