"""What is wrong with the Secrets that a resource refers to; never what is in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_PEM = {
    "ca.crt": b"CERTIFICATE-----",
    "client.crt": b"CERTIFICATE-----",
    "client.key": b"PRIVATE KEY-----",
}


@dataclass(frozen=True)
class SecretState:
    """A Secret without its values: which keys it has, and which of them hold what cannot be used, and why."""

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
