"""Who asks: the scope that an answer belongs to."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

ANONYMOUS = "anonymous"


@lru_cache(maxsize=4096)
def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def bearer_token(headers: Mapping[str, str]) -> str:
    """Return the caller's credential: a bearer token, or the key as Anthropic's clients send it; empty for none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key", "").strip()


def limited_as(headers: Mapping[str, str], caller: str) -> str:
    """Return whom a request counts for: the API key's name, else the credential; all others count as one."""
    if caller:
        return f"caller:{caller}"
    token = bearer_token(headers)
    return f"key:{_hashed(token)}" if token else ANONYMOUS


def cache_scope(headers: Mapping[str, str], body: Mapping[str, Any], caller: str = "") -> str:
    """Return whose answers a request may share: those of its credential, split further by the body's `user`.

    `caller` is the name of an accepted API key; two keys of one name share.

    Callers without either share the anonymous scope.
    """
    identity = limited_as(headers, caller)
    user = body.get("user")
    return f"{identity}/user:{_hashed(user)}" if isinstance(user, str) and user else identity
