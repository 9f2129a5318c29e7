"""What a provider is sent: the request in a protocol that it speaks, for the model that was chosen."""

from typing import Any

import orjson

from semantic_router_proxy.config.routing import ReasoningEffort
from semantic_router_proxy.routing.decide import Route
from semantic_router_proxy.routing.prompts import with_system_prompt
from semantic_router_proxy.routing.reasoning import reasoning_fields
from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.protocols.base import Translation, WireProtocol
from semantic_router_proxy.server.protocols.bridges import CHAT_PATH, MESSAGES_PATH, Asked
from semantic_router_proxy.server.protocols.messages_to_chat import wants_thinking
from semantic_router_proxy.upstream.client import Call
from semantic_router_proxy.upstream.provider import Target

# Their streams tell the usage only when they are asked to.
_USAGE_ON_REQUEST = frozenset({CHAT_PATH, "/completions"})
_EFFORTS: dict[str, ReasoningEffort] = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high"}


class Question:
    """One request as each of its targets is asked it, and what turns each one's answer back."""

    def __init__(self, protocol: WireProtocol, body: dict[str, Any], route: Route) -> None:
        self._protocol = protocol
        self._body = with_system_prompt(protocol.name, body, route.system_prompt)
        self._route = route
        self._asked: dict[str, Asked] = {}
        self._refusal: ApiError | None = None

    @property
    def refusal(self) -> ApiError | None:
        """Why no target could be asked at all: what is asked cannot be said in the protocol of any."""
        return None if self._asked else self._refusal

    def call_for(self, target: Target) -> Call | None:
        """Return what a target is sent; None where it cannot be said in its protocol. Raises ApiError 400 for what
        cannot be sent to anybody."""
        try:
            asked = Asked(self._protocol, target.provider.config, self._body)
        except ApiError as error:
            self._refusal = self._refusal or error
            return None
        self._asked[target.model.name] = asked
        body = {**asked.body, "model": target.upstream_name}
        if asked.path == MESSAGES_PATH:
            body.setdefault("max_tokens", target.model.default_max_tokens)
        use_reasoning, effort = self._reasoning()
        body |= reasoning_fields(target.model, body, path=asked.path, use_reasoning=use_reasoning, effort=effort)
        tells_usage = asked.path in _USAGE_ON_REQUEST and target.provider.config.stream_usage
        if self._body.get("stream") and tells_usage:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        try:
            return Call(asked.path, orjson.dumps(body), native=asked.path == MESSAGES_PATH)
        except orjson.JSONEncodeError:
            raise invalid("The request body is nested too deeply to be passed on.") from None

    def translation(self, target: Target) -> Translation | None:
        """Return what turns the target's answer into the client's protocol; None where it is one already."""
        return self._asked[target.model.name].translation()

    def _reasoning(self) -> tuple[bool, ReasoningEffort | None]:
        """Return whether the model shall reason, and how much: what the caller wishes, else what the route says.

        It counts where the wish has to be put into other words; where it can be passed on, it stands as it is.
        """
        wish = self._body.get("reasoning_effort")
        if self._protocol.name == "responses":
            given = self._body.get("reasoning")
            wish = given.get("effort") if isinstance(given, dict) else None
        elif self._protocol.name == "messages" and wants_thinking(self._body):
            return True, self._route.reasoning_effort
        if isinstance(wish, str) and wish:
            return wish in _EFFORTS, _EFFORTS.get(wish)
        return self._route.use_reasoning, self._route.reasoning_effort
