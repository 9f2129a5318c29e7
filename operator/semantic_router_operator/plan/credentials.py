"""The Secrets that the operator makes for a managed Milvus: what is missing in them, and when a password is to change.

A password that exists is never replaced but by a rotation, which the annotation ROTATE_ANNOTATION on the resource asks
for: each new value of it rotates once.
"""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semantic_router_operator.plan.key import GROUP

Json = dict[str, Any]

ROTATE_ANNOTATION = f"{GROUP}/rotate-milvus-password"
# On the user's Secret: the rotation that it is the outcome of, and the Milvus and user that are known to fit.
ROTATED_ANNOTATION = f"{GROUP}/rotated"
SETTLED_ANNOTATION = f"{GROUP}/milvus"
# Milvus takes passwords of 6 to 72 characters (of 2.3: to 256).
_PASSWORD_LENGTH = 40
_ALPHABET = string.ascii_letters + string.digits
_USER = "semantic_router"


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password."""

    username: str
    password: str


def new_password() -> str:
    """Return a password of 238 random bits, without characters that a shell, a URL or an environment would change."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_PASSWORD_LENGTH))


def new_login(before: str = "") -> Login:
    """Return a login for the router, under another name than `before`: during a rotation both are good."""
    number = before.rpartition("_")[2]
    return Login(f"{_USER}_{int(number) + 1 if number.isdigit() else 1}", new_password())


def is_router_user(name: str) -> bool:
    """Whether it is a name that new_login() gives."""
    return name.startswith(f"{_USER}_") and name.rpartition("_")[2].isdigit()


def rotation_due(resource: Mapping[str, Any], secret: Mapping[str, Any]) -> bool:
    """Whether the resource asks for a rotation that its Secret has not seen."""
    asked = (resource["metadata"].get("annotations") or {}).get(ROTATE_ANNOTATION, "")
    done = (secret["metadata"].get("annotations") or {}).get(ROTATED_ANNOTATION, "")
    return bool(asked) and asked != done


def settled_value(milvus_uid: str, login: Login) -> str:
    """Return what SETTLED_ANNOTATION says once this Milvus knows this login."""
    return f"{milvus_uid}/{login.username}"
