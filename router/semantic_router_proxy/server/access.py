"""API keys: names and digests from a file, never the keys themselves."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semantic_router_proxy.config.problems import ConfigError, Problem
from semantic_router_proxy.config.text import parse_yaml, read_text
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.identity import bearer_token

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Access:
    """The keys that are accepted. A lookup compares digests, so its time tells nothing about a key."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)

    def check(self, headers: Mapping[str, str]) -> str:
        """Return the name of the caller's key. Raises ApiError 401."""
        token = bearer_token(headers)
        if not token:
            raise ApiError(
                401,
                "No API key was sent. Send one as 'Authorization: Bearer KEY'.",
                code="missing_api_key",
                headers={"www-authenticate": "Bearer"},
            )
        name = self._names.get(hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest())
        if name is None:
            raise ApiError(
                401, "The API key is not known.", code="invalid_api_key", headers={"www-authenticate": "Bearer"}
            )
        return name


def read_access(file: Path) -> Access:
    """Read the file of keys. Raises ConfigError; its words never hold what stands in the file."""
    data = parse_yaml(read_text(file), file)
    entries: Any = data.get("keys")
    if not isinstance(entries, list):
        raise ConfigError([Problem(file, "keys", "must be a list of {name, sha256}")])
    names: dict[str, str] = {}
    problems = []
    for number, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        digest = str(entry.get("sha256", "")).lower() if isinstance(entry, dict) else ""
        if not isinstance(name, str) or not name or not _DIGEST.fullmatch(digest):
            advice = 'The digest: printf %s "$KEY" | sha256sum'
            problems.append(Problem(file, f"keys[{number}]", "needs a name and a sha256 of 64 digits", advice=advice))
        else:
            names[digest] = name
    if problems:
        raise ConfigError(problems)
    return Access(names)
