"""What is wrong with the Secrets that a resource refers to; never what is in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from semantic_router_operator.render.mentions import Mention

_PEM = {
    "ca.crt": b"CERTIFICATE-----",
    "client.crt": b"CERTIFICATE-----",
    "client.key": b"PRIVATE KEY-----",
}


@dataclass(frozen=True)
class SecretState:
    """A Secret or ConfigMap without its values: its keys, and which of them hold what cannot be used, and why."""

    version: str
    keys: frozenset[str] = frozenset()
    malformed: Mapping[str, str] = field(default_factory=dict)


def malformed(key: str, value: bytes) -> str | None:
    """Why the value cannot be used, without quoting it; None for one that can."""
    if not value.strip():
        return "is empty"
    if key in _PEM:
        return None if b"-----BEGIN " in value and _PEM[key] in value else "is not PEM"
    if key == "password" or key == "username":
        return None
    try:
        text = value.decode("ascii").strip()
    except UnicodeDecodeError:
        return "holds characters that no HTTP header may have"
    return "holds more than one line" if "\n" in text else None


def secret_problems(needed: Mapping[str, frozenset[str]], found: Mapping[str, SecretState]) -> list[str]:
    """A sentence for each Secret or key of `needed` (name -> keys) that is missing or cannot be used."""
    problems = []
    for name, keys in sorted(needed.items()):
        state = found.get(name)
        if state is None:
            problems.append(f"Secret/{name} does not exist; create it with the keys {', '.join(sorted(keys))}.")
            continue
        for key in sorted(keys):
            if key not in state.keys:
                problems.append(f"Secret/{name} has no key {key}; add it.")
            elif key in state.malformed:
                problems.append(f"Key {key} of Secret/{name} {state.malformed[key]}; correct it.")
    return problems


def mention_problems(
    mentions: Iterable[Mention], secrets: Mapping[str, SecretState], config_maps: Mapping[str, SecretState]
) -> list[str]:
    """A sentence for each object or key that the pod template mentions, that pods cannot start without, and that is
    missing."""
    problems = []
    for each in mentions:
        state = (secrets if each.kind == "Secret" else config_maps).get(each.name)
        where = "spec.router.podTemplate mentions it"
        if each.optional:
            continue
        if state is None:
            problems.append(f"{each.kind}/{each.name} does not exist; create it ({where}).")
        else:
            missing = [key for key in each.keys if key not in state.keys]
            problems += [f"{each.kind}/{each.name} has no key {key}; add it ({where})." for key in missing]
    return list(dict.fromkeys(problems))


def reason_of(problems: Iterable[str]) -> str:
    """The condition's reason, by the objects with which the sentences begin."""
    return "ConfigMapInvalid" if all(each.startswith("ConfigMap/") for each in problems) else "SecretInvalid"
