"""The base of all API models, and the types that Kubernetes writes in its own way."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_ACRONYMS = {"Api": "API", "Url": "URL", "Uri": "URI", "Ttl": "TTL", "Ca": "CA", "Cpu": "CPU"}


def camel_case(name: str) -> str:
    """Return a field's name as Kubernetes writes it: base_url is baseURL, ttl_seconds is ttlSeconds."""
    head, *rest = name.split("_")
    return head + "".join(_ACRONYMS.get(part.capitalize(), part.capitalize()) for part in rest)


class ApiModel(BaseModel):
    """A part of a resource: immutable, camelCase outside, snake_case inside, closed to unknown fields."""

    model_config = ConfigDict(
        alias_generator=camel_case, populate_by_name=True, extra="forbid", frozen=True, validate_default=True
    )


def rules(*validations: tuple[str, str]) -> dict[str, Any]:
    """Return the JSON schema extra that carries CEL rules, given as (rule, message)."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in validations]}


def filled(field: str) -> str:
    """Return the CEL expression that a list is there and not empty."""
    return f"(has({field}) && size({field}) > 0)"


def unchanged(field: str, default: str = "") -> tuple[str, str]:
    """Return the rule that a field stays as it is, because Kubernetes cannot change what is made of it."""

    def value(of: str) -> str:
        return f"(has({of}.{field}) ? {of}.{field} : '{default}')"

    message = f"{field} of a volume cannot be changed: remove the section and its claim, and add it anew"
    return f"{value('self')} == {value('oldSelf')}", message


_QUANTITY = re.compile(r"^[+-]?(\d+|\d+\.\d*|\.\d+)([KMGTPE]i|[munkMGTPE]|[eE][+-]?\d+)?$")


def _quantity(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a quantity such as 500m, 2 or 1Gi")
    text = str(value)
    if not _QUANTITY.match(text):
        raise ValueError("must be a quantity such as 500m, 2 or 1Gi")
    return text


# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
Quantity = Annotated[
    str,
    BeforeValidator(_quantity),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": _QUANTITY.pattern,
            "x-kubernetes-int-or-string": True,
        }
    ),
]


def _int_or_percent(value: object) -> int | str:
    if isinstance(value, bool):
        raise ValueError("must be a number or a percentage such as 50%")
    if isinstance(value, int) and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d+%", value):
        return value
    raise ValueError("must be a number or a percentage such as 50%")


IntOrPercent = Annotated[
    int | str,
    BeforeValidator(_int_or_percent),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}),
]

# RFC 1123: what a Service, a container or a Secret may be called.
DnsLabel = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DnsName = Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})*$")]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
Text = Annotated[str, Field(min_length=1, max_length=1024)]
ShortName = Annotated[str, Field(min_length=1, max_length=128)]
SignalType = Literal[
    "keyword", "embedding", "domain", "language", "context", "content", "complexity", "header", "caller"
]

# A part of the pod's API that is passed on as it is and checked by the API server there.
FreeForm = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})]
StringMap = Annotated[
    dict[str, str],
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "string", "maxLength": 4096}, "maxProperties": 64}
    ),
]


def _http_url(value: str) -> str:
    if not re.match(r"^https?://[^/@\s]+(/\S*)?$", value):
        raise ValueError("must be an http:// or https:// address without credentials; those belong into a Secret")
    return value.rstrip("/")


HttpUrl = Annotated[str, Field(max_length=2048, pattern=r"^https?://[^/@\s]+(/\S*)?$"), AfterValidator(_http_url)]


# What becomes of a claim of ours with the resource, or with the section that asks for it.
DeletionPolicy = Annotated[
    Literal["Delete", "Retain"],
    Field(
        description="What becomes of the volume when the resource or this section goes; a retained one is taken over "
        "by a resource of the same name."
    ),
]


class SecretKeyRef(ApiModel):
    """One key of a Secret in the resource's namespace."""

    name: DnsName = Field(description="Of the Secret.")
    key: SecretKey = Field(description="In the Secret.")


class SecretRef(ApiModel):
    """A Secret in the resource's namespace."""

    name: DnsName = Field(description="Of the Secret.")
