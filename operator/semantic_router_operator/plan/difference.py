"""Does an observed object already hold everything that we want, and nothing that we no longer want?

Server-side apply merges: fields of others stay. So "equal" means that every desired field is there with its value, and
that every field which we own (metadata.managedFields, our manager, operation Apply) is still desired. The format of
fieldsV1 is described in the Kubernetes API reference, ManagedFieldsEntry v1 meta: `f:` a field, `k:` a list item by its
keys, `v:` a set's value, `.` the node itself.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from semantic_router_operator.plan.key import FIELD_MANAGER
from semantic_router_operator.render.quantity import quantity

Json = Mapping[str, Any]
_IDENTITY = frozenset({"apiVersion", "kind"})


def differences(desired: Json, observed: Json) -> list[str]:
    """Paths, as in `spec.replicas`, at which an apply of `desired` would change `observed`. Empty: nothing to do."""
    found = list(_missing({k: v for k, v in desired.items() if k not in _IDENTITY}, observed, ""))
    owned = owned_fields(observed)
    if owned is not None:
        found += _surplus(owned, desired, "")
    return sorted(set(found))


def owned_fields(observed: Json, manager: str = FIELD_MANAGER) -> Json | None:
    """The fieldsV1 tree that `manager` holds by server-side apply on the object itself, None when it holds none."""
    for entry in observed.get("metadata", {}).get("managedFields", ()):
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            fields = entry.get("fieldsV1")
            return fields if isinstance(fields, Mapping) else None
    return None


def owned_values(observed: Json, field: str) -> Json | None:
    """What we have sent as `field` (spec, say) and still hold; None where we hold nothing of the object."""
    owned = owned_fields(observed)
    if owned is None:
        return None
    values = _projected(owned.get(f"f:{field}") or {}, observed.get(field))
    return values if isinstance(values, Mapping) else {}


def _projected(owned: Json, value: Any) -> Any:
    below = {step.partition(":")[2]: tree for step, tree in owned.items() if step.startswith("f:")}
    if not below or not isinstance(value, Mapping):
        return value
    return {key: _projected(tree, value[key]) for key, tree in below.items() if key in value}


def managers_of(observed: Json, path: str) -> list[str]:
    """Managers other than ours that hold a field at or below `path`: those who changed it by hand or by program."""
    names = []
    for entry in observed.get("metadata", {}).get("managedFields", ()):
        if entry.get("manager") == FIELD_MANAGER or entry.get("subresource") == "status":
            continue
        if path in set(_paths(entry.get("fieldsV1") or {}, "")):
            names.append(str(entry.get("manager", "unknown")))
    return sorted(set(names))


def _missing(desired: Any, observed: Any, path: str) -> Iterator[str]:
    if isinstance(desired, Mapping):
        if not isinstance(observed, Mapping):
            # An empty mapping is dropped by typed kinds (`emptyDir: {}` stays, `annotations: {}` goes).
            if desired or observed is not None:
                yield path
            return
        for key, value in desired.items():
            if value is not None:
                yield from _missing(value, observed.get(key), _join(path, key))
    elif isinstance(desired, list):
        yield from _missing_items(desired, observed, path)
    elif not _same(desired, observed):
        yield path


def _missing_items(desired: list[Any], observed: Any, path: str) -> Iterator[str]:
    if not desired and observed is None:
        return
    if not isinstance(observed, list):
        yield path
        return
    if not all(isinstance(item, Mapping) for item in desired):
        if len(desired) != len(observed) or not all(map(_same, desired, observed)):
            yield path
        return
    for index, item in enumerate(desired):
        name = _label(item, index)
        candidates = [other for other in observed if _related(item, other)] or [None]
        results = [list(_missing(item, other, f"{path}[{name}]")) for other in candidates]
        yield from min(results, key=len)


def _related(item: Json, other: Any) -> bool:
    if not isinstance(other, Mapping):
        return False
    named = "name" in item and "name" in other
    return item["name"] == other["name"] if named else True


def _surplus(owned: Json, desired: Any, path: str) -> Iterator[str]:
    for step, below in owned.items():
        prefix, _, text = step.partition(":")
        if prefix == "f":
            here = _join(path, text)
            if not isinstance(desired, Mapping) or text not in desired:
                yield here
            elif below:
                yield from _surplus(below, desired[text], here)
        elif prefix == "k":
            keys = json.loads(text)
            item = _item(desired, keys)
            here = f"{path}[{_label(keys, 0)}]"
            if item is None:
                yield here
            elif below:
                yield from _surplus(below, item, here)
        elif prefix == "v" and (not isinstance(desired, list) or json.loads(text) not in desired):
            yield f"{path}[{text}]"


def _item(desired: Any, keys: Json) -> Json | None:
    if not isinstance(desired, list):
        return None
    for item in desired:
        # A key that we left out was defaulted by the server (a port's protocol).
        if isinstance(item, Mapping) and all(_same(item[key], value) for key, value in keys.items() if key in item):
            return item
    return None


def _paths(fields: Json, path: str) -> Iterator[str]:
    for step, below in fields.items():
        prefix, _, text = step.partition(":")
        if prefix == "f":
            here = _join(path, text)
        elif prefix == "k":
            here = f"{path}[{_label(json.loads(text), 0)}]"
        else:
            continue
        yield here
        yield from _paths(below, here)


def _label(item: Json, index: int) -> str:
    for key in ("name", "type", "uid", "containerPort", "port", "mountPath", "ip"):
        if key in item:
            return str(item[key])
    return str(index)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _same(desired: Any, observed: Any) -> bool:
    if isinstance(desired, Mapping | list):
        return not list(_missing(desired, observed, ""))
    if isinstance(observed, Mapping | list):
        return False
    if type(desired) is type(observed) and desired == observed:
        return True
    if desired in ("", 0, False) and observed is None:
        return True
    if isinstance(desired, bool) or isinstance(observed, bool):
        return bool(desired == observed)
    left, right = _quantity(desired), _quantity(observed)
    return left is not None and left == right


def _quantity(value: Any) -> Decimal | None:
    """A resource quantity's value: the server rewrites "1000m" as "1" and "0.5" as "500m"."""
    if isinstance(value, int | float):
        return Decimal(str(value))
    if not isinstance(value, str) or not value:
        return None
    try:
        return quantity(value)
    except ValueError:
        return None
