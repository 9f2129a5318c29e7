"""What a resource's pod template mentions: Secrets and ConfigMaps of the user's own, which pods read at their start."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from semantic_router_operator.api.semantic_router import SemanticRouter

Kind = Literal["Secret", "ConfigMap"]


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """`keys` must be in it; `optional`: pods start without it as well."""

    kind: Kind
    name: str
    keys: tuple[str, ...] = ()
    optional: bool = False


def mentions(resource: SemanticRouter) -> list[Mention]:
    """Return every mention in env, envFrom and volumes, in order. What is malformed is left to the API server."""
    template = resource.spec.router.pod_template
    found = [each for entry in (*template.env, *template.env_from) for each in _of_variables(entry)]
    found += [each for volume in template.volumes for each in _of_volume(volume)]
    return sorted(set(found))


def _of_variables(entry: Mapping[str, Any]) -> Iterator[Mention]:
    """An entry of env or of envFrom."""
    source = {**entry, **_mapping(entry.get("valueFrom"))}
    yield from _mention("Secret", source.get("secretRef"))
    yield from _mention("Secret", source.get("secretKeyRef"))
    yield from _mention("ConfigMap", source.get("configMapRef"))
    yield from _mention("ConfigMap", source.get("configMapKeyRef"))


def _of_volume(volume: Mapping[str, Any]) -> Iterator[Mention]:
    sources = [volume, *_list(_mapping(volume.get("projected")).get("sources"))]
    for source in map(_mapping, sources):
        yield from _mention("Secret", source.get("secret"))
        yield from _mention("ConfigMap", source.get("configMap"))


def _mention(kind: Kind, reference: object) -> Iterator[Mention]:
    found = _mapping(reference)
    # A volume names its Secret by secretName, everything else by name.
    name = found.get("secretName") or found.get("name")
    if isinstance(name, str):
        items = [_mapping(item).get("key") for item in _list(found.get("items"))]
        keys = sorted({key for key in (found.get("key"), *items) if isinstance(key, str)})
        yield Mention(kind, name, tuple(keys), found.get("optional") is True)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
