"""Keys: when two requests are the same, and when their questions may share an answer.

A key is SHA-256 over canonical JSON: keys sorted, no white space, UTF-8. 1 and 1.0 stay different there; that costs a
miss at the most, while treating unlike things as like could cost a wrong answer.
"""

import hashlib
from typing import Any

import orjson

# How an answer is delivered, not what it says; the only fields of a body that do not count.
PRESENTATION = frozenset({"stream", "stream_options"})

# Stands in a partition's key where the question stood. No protocol knows such an object, so it equals no question.
_PLACEHOLDER = {"semantic-router": "question"}
_VERSION = 1


def exact_key(scope: str, policy_epoch: str, protocol: str, body: dict[str, Any]) -> str:
    """Return the key of this very request: who asks, under which configuration, what, to the last field."""
    return _digest(["exact", _VERSION, scope, policy_epoch, protocol, _counted(body)])


def partition(
    scope: str, embedder: str, policy_epoch: str, protocol: str, model: str, body: dict[str, Any]
) -> str | None:
    """Return the key of all requests that differ from this one in their question only.

    None where the body has no single question (see `query_text`).
    """
    rest = _without_question(protocol, _counted(body))
    if rest is None:
        return None
    return _digest(["partition", _VERSION, scope, embedder, policy_epoch, protocol, model, rest])


def plain_partition(embedder: str, model: str) -> str:
    """Return the partition of entries that are found by model and query alone (seed 001's calls)."""
    return _digest(["plain", _VERSION, embedder, model])


def query_text(protocol: str, body: dict[str, Any]) -> str | None:
    """Return the question: the text of the last message, where that is the user's and is nothing but text."""
    if protocol == "completions":
        prompt = body.get("prompt")
        return prompt if isinstance(prompt, str) else None
    if protocol == "responses" and isinstance(body.get("input"), str):
        return str(body["input"])
    message = _last_message(protocol, body)
    return None if message is None else _message_text(message)


def _counted(body: dict[str, Any]) -> dict[str, Any]:
    if PRESENTATION.isdisjoint(body):
        return body
    return {key: value for key, value in body.items() if key not in PRESENTATION}


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _messages_key(protocol: str) -> str:
    return "input" if protocol == "responses" else "messages"


def _last_message(protocol: str, body: dict[str, Any]) -> dict[str, Any] | None:
    messages = body.get(_messages_key(protocol))
    if not isinstance(messages, list) or not messages:
        return None
    last = messages[-1]
    return last if isinstance(last, dict) and last.get("role") == "user" else None


def _message_text(message: dict[str, Any]) -> str | None:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or len(content) != 1:
        return None
    part = content[0]
    if isinstance(part, dict) and part.get("type") in ("text", "input_text") and isinstance(part.get("text"), str):
        return str(part["text"])
    return None


def _without_question(protocol: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the body with the placeholder for the question, sharing everything else with the original."""
    if query_text(protocol, body) is None:
        return None
    if protocol == "completions":
        return {**body, "prompt": _PLACEHOLDER}
    if protocol == "responses" and isinstance(body["input"], str):
        return {**body, "input": _PLACEHOLDER}
    key = _messages_key(protocol)
    *history, last = body[key]
    content: Any = _PLACEHOLDER
    if isinstance(last["content"], list):
        content = [{**last["content"][0], "text": _PLACEHOLDER}]
    return {**body, key: [*history, {**last, "content": content}]}
