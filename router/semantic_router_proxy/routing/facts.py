"""What routing looks at: facts of one request, taken from its body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """`text` is the last user message's text; `identity` a stable string that weights are drawn by."""

    text: str
    identity: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


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
