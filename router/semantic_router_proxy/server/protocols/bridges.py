"""Bridges: how a request is asked of a provider that does not speak its protocol."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from semantic_router_proxy.config.upstreams import ProviderConfig
from semantic_router_proxy.server.protocols.base import Translation, WireProtocol, untranslatable
from semantic_router_proxy.server.protocols.chat_from_messages import ToChat
from semantic_router_proxy.server.protocols.chat_to_messages import to_messages
from semantic_router_proxy.server.protocols.messages import ToMessages
from semantic_router_proxy.server.protocols.messages_to_chat import to_chat
from semantic_router_proxy.server.protocols.responses_from_chat import ToResponse
from semantic_router_proxy.server.protocols.responses_to_chat import response_to_chat

CHAT_PATH = "/chat/completions"
MESSAGES_PATH = "/messages"


@dataclass(frozen=True, slots=True)
class Bridge:
    """From one protocol to another: `ask` translates a request, `answer` makes what translates its answer back."""

    path: str
    ask: Callable[[dict[str, Any]], dict[str, Any]]
    answer: Callable[[dict[str, Any]], Translation]


_MESSAGES_TO_CHAT = Bridge(CHAT_PATH, to_chat, lambda _: ToMessages())
_CHAT_TO_MESSAGES = Bridge(MESSAGES_PATH, to_messages, lambda _: ToChat())
_RESPONSES_TO_CHAT = Bridge(CHAT_PATH, response_to_chat, ToResponse)


def bridges_to(protocol: WireProtocol, provider: ProviderConfig) -> tuple[Bridge, ...]:
    """Return the bridges from a protocol to one that the provider speaks, in the order of the request.

    Raises ApiError 400 where there is no way.
    """
    only_messages = provider.messages_api == "only"
    onwards = (_CHAT_TO_MESSAGES,) if only_messages else ()
    match protocol.name:
        case "messages":
            return (_MESSAGES_TO_CHAT,) if provider.messages_api == "translated" else ()
        case "responses":
            return (_RESPONSES_TO_CHAT, *onwards) if only_messages or provider.responses_api == "translated" else ()
        case "completions" if only_messages:
            raise untranslatable(
                "A text completion", "Anthropic's Messages API", "prompt", "Ask for a chat completion."
            )
    return onwards


class Asked:
    """A request on its way over the bridges: where it goes, as what, and what translates the answer back."""

    def __init__(self, protocol: WireProtocol, provider: ProviderConfig, body: dict[str, Any]) -> None:
        """Raises ApiError 400 for what cannot be translated."""
        self.path = protocol.path
        self.body = body
        self._answers: list[Callable[[], Translation]] = []
        for bridge in bridges_to(protocol, provider):
            self._answers.append(partial(bridge.answer, self.body))
            self.body = bridge.ask(self.body)
            self.path = bridge.path

    def translation(self) -> Translation | None:
        """Return what turns the provider's answer into the client's protocol; None where it is one already."""
        made = [answer() for answer in reversed(self._answers)]
        return Chain(made) if len(made) > 1 else made[0] if made else None


class Chain:
    """Several translations one after the other."""

    def __init__(self, steps: list[Translation]) -> None:
        self._steps = steps

    def whole(self, answer: Any) -> dict[str, Any]:
        for step in self._steps:
            answer = step.whole(answer)
        told: dict[str, Any] = answer
        return told

    def event(self, event: bytes) -> list[bytes]:
        return self._through([event], self._steps)

    def finish(self) -> list[bytes]:
        told: list[bytes] = []
        for step in self._steps:
            told = self._through(told, [step]) + step.finish()
        return told

    def _through(self, events: list[bytes], steps: list[Translation]) -> list[bytes]:
        for step in steps:
            events = [said for event in events for said in step.event(event)]
        return events
