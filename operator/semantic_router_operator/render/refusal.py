"""What the router's own models refuse, told in the resource's words: that is what the reader can change."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from semantic_router_operator.api.base import camel_case
from semantic_router_operator.api.validate import InvalidResource, Problem
from semantic_router_proxy.config.problems import ConfigError
from semantic_router_proxy.config.validate import validate

Model = TypeVar("Model", bound=BaseModel)

# Beginnings of the files' keys, and where the resource has them; the longest one counts.
ROUTER_PLACES = {
    "": "spec",
    "server": "spec.router",
    "admin": "spec.router",
    "log": "spec.router",
    "tracing": "spec.monitoring.tracing",
    "access": "spec.access",
    "embedding": "spec.cache.embedding",
    "semantic_cache": "spec.cache",
    "providers": "spec.providers",
    "models": "spec.models",
    "signals": "spec.routing.signals",
    "decisions": "spec.routing.decisions",
    "escalation": "spec.routing.escalation",
    "default_model": "spec.routing.defaultModel",
}
MILVUS_PLACES = {
    "": "spec.milvus",
    "connection": "spec.milvus.external",
    "collection": "spec.milvus.collection",
    "collection.index": "spec.milvus.collection",
    "search": "spec.milvus.search",
}
_WORD = re.compile(r"[A-Za-z_]\w*")


def checked(model: type[Model], data: dict[str, Any], places: Mapping[str, str]) -> Model:
    """Return the router's model of what was rendered. Raises InvalidResource."""
    try:
        return validate(model, data, None)
    except ConfigError as error:
        raise InvalidResource(
            [Problem(_place(each.key, places), each.message, each.value) for each in error.problems]
        ) from None


def _place(key: str, places: Mapping[str, str]) -> str:
    beginning = max((each for each in places if re.match(rf"{re.escape(each)}(\W|$)", key) or not each), key=len)
    rest = key[len(beginning) :]
    return (places[beginning] + ("" if rest[:1] in (".", "[", "") else ".") + _WORD.sub(_camel, rest)).rstrip(".")


def _camel(match: re.Match[str]) -> str:
    return camel_case(match.group())
