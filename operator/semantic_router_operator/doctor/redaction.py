"""Takes out of objects and logs what must not leave the cluster."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(removed)"
# Names under which people write secrets in plain text where they should not.
_SECRET_NAME = re.compile(r"(?i)(pass(word|wd)?|secret|token|api[-_]?key|access[-_]?key|credential|private[-_]?key)$")
_REFERENCE = re.compile(r"(?i)(ref|refs|name)$")
_IN_TEXT = (
    # Authorization: Bearer …, and the keys of OpenAI, Anthropic and others.
    re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"()\bsk-[A-Za-z0-9_-]{8,}"),
    re.compile(r"()eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    re.compile(r"(://[^/\s:@]+:)[^@\s/]+(?=@)"),
    re.compile(
        r"(?i)((?:password|passwd|token|api[-_]?key|secret[-_]?key|access[-_]?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"',}]{3,}"
    ),
    re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
)


def redacted(value: Any) -> Any:
    """Return a copy of an object without values that look like secrets; what only refers to a Secret stays."""
    if isinstance(value, Mapping):
        env_value = "name" in value and "value" in value and _SECRET_NAME.search(str(value["name"]))
        return {
            key: HIDDEN
            if (_hides(str(key)) and not isinstance(item, Mapping | list)) or (key == "value" and env_value)
            else redacted(item)
            for key, item in value.items()
            # Copies of whole objects, as kubectl apply writes them; and what nobody reads.
            if key not in ("kubectl.kubernetes.io/last-applied-configuration", "managedFields")
        }
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    return redacted_text(value) if isinstance(value, str) else value


def redacted_text(text: str) -> str:
    """Return a text without what looks like a secret."""
    for pattern in _IN_TEXT:
        text = pattern.sub(lambda match: f"{match.group(1)}{HIDDEN}", text)
    return text


def _hides(key: str) -> bool:
    return bool(_SECRET_NAME.search(key)) and not _REFERENCE.search(key)
