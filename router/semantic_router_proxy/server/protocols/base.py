"""What the server has to know of a protocol."""

from collections.abc import Sequence
from typing import Any, Protocol

from semantic_router_proxy.server.errors import invalid


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


def require_list(body: dict[str, Any], key: str) -> None:
    value = body.get(key)
    if value is None:
        raise invalid(f"Missing required parameter: '{key}'.", param=key, code="missing_required_parameter")
    if not isinstance(value, list) or not value:
        raise invalid(f"'{key}' must be an array that is not empty.", param=key, code="invalid_type")


def require_model(body: dict[str, Any]) -> None:
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise invalid("'model' must be a string.", param="model", code="invalid_type")
