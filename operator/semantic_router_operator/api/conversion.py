"""From one version of the resource to another, without loss either way.

v1beta1 is prepared and not served yet (docs/operations/versions.md tells what serving it takes). It says the same as
v1alpha1 in better words: a list is named in the plural, and no value is a word that YAML 1.1 reads as a boolean (an
unquoted `serviceMonitor: on` never arrives as a text).
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from semantic_router_operator.api import GROUP

Json = dict[str, Any]
Version = str
Way = tuple[str, ...]
OLDEST, NEWEST = "v1alpha1", "v1beta1"
VERSIONS = (OLDEST, NEWEST)

# Fields with another name, by the path of the section that holds them: (section, old name, new name).
_RENAMED: tuple[tuple[Way, str, str], ...] = ((("routing", "signals"), "language", "languages"),)
# Fields whose values have other names.
_SWITCH = {"auto": "Auto", "on": "Enabled", "off": "Disabled"}
_RESPELLED: tuple[tuple[Way, str, Mapping[str, str]], ...] = (
    (("monitoring",), "serviceMonitor", _SWITCH),
    (("monitoring",), "rules", _SWITCH),
)


class UnknownVersionError(ValueError):
    """An apiVersion that nothing here can read."""

    def __init__(self, api_version: object) -> None:
        super().__init__(f"apiVersion {api_version} is none of {', '.join(f'{GROUP}/{each}' for each in VERSIONS)}")


def convert(resource: Mapping[str, Any], version: Version) -> Json:
    """Return the resource in `version`; the one that is given stays as it is. Raises UnknownVersionError.

    What a field holds that neither version knows is carried over untouched, for the definition to refuse or drop.
    """
    group, _, before = str(resource.get("apiVersion", "")).partition("/")
    if group != GROUP or before not in VERSIONS:
        raise UnknownVersionError(resource.get("apiVersion"))
    if version not in VERSIONS:
        raise UnknownVersionError(f"{GROUP}/{version}")
    converted = copy.deepcopy(dict(resource))
    converted["apiVersion"] = f"{GROUP}/{version}"
    step = _STEPS.get((before, version))
    if step is not None and isinstance(converted.get("spec"), dict):
        step(converted["spec"])
    return converted


def _newer(spec: Json) -> None:
    for way, old, new in _RENAMED:
        _rename(spec, way, old, new)
    for way, name, words in _RESPELLED:
        _respell(spec, way, name, words)


def _older(spec: Json) -> None:
    for way, old, new in _RENAMED:
        _rename(spec, way, new, old)
    for way, name, words in _RESPELLED:
        _respell(spec, way, name, {new: old for old, new in words.items()})


_STEPS: dict[tuple[Version, Version], Callable[[Json], None]] = {(OLDEST, NEWEST): _newer, (NEWEST, OLDEST): _older}


def _rename(spec: Json, way: Way, before: str, after: str) -> None:
    section = _section(spec, way)
    if section is not None and before in section and after not in section:
        section[after] = section.pop(before)


def _respell(spec: Json, way: Way, name: str, words: Mapping[str, str]) -> None:
    section = _section(spec, way)
    if section is not None and isinstance(section.get(name), str):
        section[name] = words.get(section[name], section[name])


def _section(spec: Json, way: Way) -> Json | None:
    place: Any = spec
    for step in way:
        place = place.get(step) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else None
