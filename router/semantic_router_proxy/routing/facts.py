"""What routing looks at: facts of one request, taken from its body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semantic_router_proxy.config.patterns import compile_pattern

_CHARACTERS_A_TOKEN = 4
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
# A fenced block, or what hardly anybody writes in prose.
_CODE = compile_pattern(
    r"(?m)```|^\s*(?:def |class |import |from \w+ import |#include|public |func |fn "
    r"|SELECT .+ FROM )|[{};]\s*$|=>|\w\(.*\);",
    case_sensitive=True,
)


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """`text` is the last user message's text; `identity` a stable string that weights are drawn by. `tokens` is the
    estimated length of all messages, `answer_tokens` the longest answer that the request allows (0: it does not say),
    `caller` the name of the API key, `user` the body's."""

    text: str
    identity: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: int = 0
    answer_tokens: int = 0
    content: frozenset[str] = frozenset()
    caller: str = ""
    user: str = ""


def facts_of(
    protocol: str, body: Mapping[str, Any], headers: Mapping[str, str], identity: str, caller: str
) -> RequestFacts:
    """Take the facts of a request from its body."""
    text = last_user_text(protocol, body)
    turns = body.get("input" if protocol == "responses" else "messages")
    contents = [turn.get("content") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else [text]
    found = set()
    if body.get("tools") or body.get("functions"):
        found.add("tools")
    if any(_has_image(content) for content in contents):
        found.add("images")
    if _CODE.search(text):
        found.add("code")
    if _wants_structure(body):
        found.add("structured_output")
    length = sum(len(content_text(content)) for content in contents)
    user = body.get("user")
    return RequestFacts(
        text,
        identity,
        headers,
        tokens=length // _CHARACTERS_A_TOKEN,
        answer_tokens=next((body[name] for name in _LIMITS if isinstance(body.get(name), int)), 0),
        content=frozenset(found),
        caller=caller,
        user=user if isinstance(user, str) else "",
    )


def estimated_tokens(value: Any) -> int:
    """Return about how many tokens all the texts in a part of a body have."""
    length, open_values = 0, [value]
    while open_values:
        value = open_values.pop()
        if isinstance(value, str):
            length += len(value)
        elif isinstance(value, dict):
            # The data of a picture is no text.
            open_values += [each for key, each in value.items() if key != "data"]
        elif isinstance(value, list):
            open_values += value
    return length // _CHARACTERS_A_TOKEN


def _wants_structure(body: Mapping[str, Any]) -> bool:
    """Whether the answer has to follow a JSON schema: chat's `response_format`, the Responses API's `text.format`."""
    settings = body.get("text")
    formats = (body.get("response_format"), settings.get("format") if isinstance(settings, dict) else None)
    return any(isinstance(each, dict) and each.get("type") == "json_schema" for each in formats)


def _has_image(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") in ("image_url", "input_image", "image") for part in content
    )


def last_user_text(protocol: str, body: Mapping[str, Any]) -> str:
    """Return the text of the last user message, its text parts joined; empty where there is none."""
    if protocol == "completions":
        prompt = body.get("prompt")
        return prompt if isinstance(prompt, str) else ""
    messages = body.get("input" if protocol == "responses" else "messages")
    if isinstance(messages, str):
        return messages
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            text = content_text(message.get("content"))
            if text:
                return text
    return ""


def content_text(content: Any) -> str:
    """Return the text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))
