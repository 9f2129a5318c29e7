"""API keys: names and digests from a file, never the keys themselves."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantic_router_proxy.config.problems import ConfigError, Problem
from semantic_router_proxy.config.text import parse_yaml, read_text
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.identity import bearer_token
from semantic_router_proxy.server.limits import Limits

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LIMITS = ("requests_per_minute", "max_concurrency")


@dataclass(frozen=True, slots=True)
class Key:
    """Whose key it is, and how much its holder may ask."""

    name: str
    limits: Limits


class Access:
    """The keys that are accepted. A lookup compares digests, so its time tells nothing about a key."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = dict(keys)

    def names(self) -> list[str]:
        """Return whose keys they are."""
        return sorted({key.name for key in self._keys.values()})

    def check(self, headers: Mapping[str, str]) -> Key:
        """Return the caller's key. Raises ApiError 401."""
        token = bearer_token(headers)
        if not token:
            raise ApiError(
                401,
                "No API key was sent. Send one as 'Authorization: Bearer KEY'.",
                code="missing_api_key",
                headers={"www-authenticate": "Bearer"},
            )
        key = self._keys.get(hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest())
        if key is None:
            raise ApiError(
                401, "The API key is not known.", code="invalid_api_key", headers={"www-authenticate": "Bearer"}
            )
        return key


def read_access(file: Path, limits: Limits) -> Access:
    """Read the file of keys; `limits` hold where an entry has none of its own.

    Raises ConfigError; its words never hold what stands in the file.
    """
    data = parse_yaml(read_text(file), file)
    entries: Any = data.get("keys")
    if not isinstance(entries, list):
        raise ConfigError([Problem(file, "keys", "must be a list of {name, sha256}")])
    keys: dict[str, Key] = {}
    problems = []
    for number, entry in enumerate(entries):
        place = f"keys[{number}]"
        name = entry.get("name") if isinstance(entry, dict) else None
        digest = str(entry.get("sha256", "")).lower() if isinstance(entry, dict) else ""
        if not isinstance(name, str) or not name or not _DIGEST.fullmatch(digest):
            advice = 'The digest: printf %s "$KEY" | sha256sum'
            problems.append(Problem(file, place, "needs a name and a sha256 of 64 digits", advice=advice))
            continue
        if entry.keys() - {"name", "sha256", *_LIMITS}:
            allowed = f"Allowed here: name, sha256, {', '.join(_LIMITS)}"
            problems.append(Problem(file, place, "has an unknown key", advice=allowed))
        own = {limit: entry.get(limit, getattr(limits, limit)) for limit in _LIMITS}
        for limit, value in own.items():
            if value is not None and (type(value) is not int or value < 1):
                problems.append(Problem(file, f"{place}.{limit}", "must be a whole number of at least 1"))
        keys[digest] = Key(name, Limits(**own))
    if problems:
        raise ConfigError(problems)
    return Access(keys)
