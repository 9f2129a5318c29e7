"""/v1/models: what a caller may ask for, as OpenAI's clients and as Anthropic's read it."""

from collections.abc import Mapping
from typing import Any

from semantic_router_proxy.server.engine import AUTO_MODELS, Engine
from semantic_router_proxy.server.errors import ApiError

PATH = "/v1/models"


def told_models(engine: Engine, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the list, or the model that the path names. Raises ApiError 401 and 404."""
    if engine.access is not None:
        engine.access.check(headers)
    names = ["auto", *(name for name in engine.targets if name not in AUTO_MODELS)]
    shape = _as_anthropic if "anthropic-version" in headers else _as_openai
    asked = path.removeprefix(PATH).strip("/")
    if asked:
        if asked not in names:
            raise ApiError(404, f"The model '{asked}' does not exist here.", param="model", code="model_not_found")
        return shape(asked)
    listed = [shape(name) for name in names]
    if "anthropic-version" in headers:
        return {"data": listed, "has_more": False, "first_id": names[0], "last_id": names[-1]}
    return {"object": "list", "data": listed}


def _as_openai(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "semantic-router"}


def _as_anthropic(name: str) -> dict[str, Any]:
    return {"id": name, "type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
