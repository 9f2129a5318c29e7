"""What the server has to know of a protocol."""

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from semantic_router_proxy.server.errors import ApiError, invalid


class Translation(Protocol):
    """One answer of a provider that speaks another protocol than the client, on its way to the client."""

    def whole(self, answer: Any) -> dict[str, Any]:
        """Return the answer. Raises LookupError, TypeError or ValueError for what is none."""
        ...

    def event(self, event: bytes) -> list[bytes]:
        """Return the events that an event of the provider's becomes."""
        ...

    def finish(self) -> list[bytes]:
        """Return what the end of the provider's stream becomes."""
        ...


class WireProtocol(Protocol):
    """One endpoint's protocol. An answer has two forms that can be turned into each other: whole JSON, and events."""

    name: str
    """As the cache's keys know it."""
    path: str
    """Below a provider's base URL."""
    usage_on_request: bool
    """Whether a stream tells its usage only when `stream_options.include_usage` asks for it."""

    def check(self, body: dict[str, Any]) -> None:
        """Raise ApiError 400 for a body that no server of this protocol would take."""
        ...

    def assemble(self, events: Sequence[bytes]) -> dict[str, Any] | None:
        """Return the whole answer that a complete stream has told; None where the stream is not complete."""
        ...

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> list[bytes]:
        """Return the stream that tells a whole answer: same ids, tool calls, indexes and usage."""
        ...

    def usage_only(self, event: bytes) -> bool:
        """Whether an event tells the usage and nothing else."""
        ...

    def broken(self, message: str) -> bytes:
        """Return the event that tells a client that its stream has failed."""
        ...

    def error(self, error: ApiError) -> bytes:
        """Return the body of an answer that is an error."""
        ...


class OpenAIProtocol:
    """What the protocols of OpenAI have in common: every provider speaks them."""

    path: str

    def error(self, error: ApiError) -> bytes:
        """Return an error in OpenAI's words, also where a provider has told it in Anthropic's."""
        told: Any = orjson.loads(error.body)
        inner = told.get("error")
        if told.get("type") != "error" or not isinstance(inner, dict):
            return error.body
        words = {"message": str(inner.get("message")), "type": inner.get("type"), "param": None, "code": None}
        return orjson.dumps({"error": words})


def require_list(body: dict[str, Any], key: str) -> None:
    value = body.get(key)
    if value is None:
        raise invalid(f"Missing required parameter: '{key}'.", param=key, code="missing_required_parameter")
    if not isinstance(value, list) or not value:
        raise invalid(f"'{key}' must be an array that is not empty.", param=key, code="invalid_type")


def check_turns(messages: list[Any]) -> None:
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise invalid(f"'messages[{number}]' must be an object with a role.", param=f"messages[{number}]")


def check_basics(body: dict[str, Any]) -> None:
    """Check what all protocols have in common."""
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise invalid("'model' must be a string.", param="model", code="invalid_type")
    if not isinstance(body.get("stream"), bool | None):
        raise invalid("'stream' must be true or false.", param="stream", code="invalid_type")


def untranslatable(what: str, api: str, param: str, advice: str = "") -> ApiError:
    """Return the refusal of what cannot be said in the protocol that a model's provider speaks."""
    message = f"{what} has no counterpart in {api}, which this model's provider speaks."
    return invalid(f"{message} {advice}".rstrip(), param=param, code="not_translatable")
