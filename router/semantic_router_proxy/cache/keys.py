"""Keys: when two requests are the same, and when their questions may share an answer.

A key is SHA-256 over canonical JSON: keys sorted, no white space, UTF-8. 1 and 1.0 stay different there; that costs a
miss at the most, while treating unlike things as like could cost a wrong answer. What orjson does not write, or does
not tell apart (NaN becomes null), is spelled out in a form of its own: every body has a key, and one of its own.
"""

import hashlib
import math
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
    try:
        text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return _spelled_out(parts)
    # orjson writes NaN and infinity as null.
    if b"null" in text and not _is_finite(parts):
        return _spelled_out(parts)
    return hashlib.sha256(text).hexdigest()


def _is_finite(value: Any) -> bool:
    """Whether no number in a body is NaN or infinite. The body is one that orjson wrote, so it is not deep."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, list) or all(map(_is_finite, value))


def _spelled_out(value: Any) -> str:
    """Return SHA-256 over every value with its type and length: of any depth, any number, any text.

    No canonical JSON begins as this does.
    """
    digest = hashlib.sha256(b"spelled out")
    open_values = [value]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            ordered = sorted(value.items(), key=lambda item: (type(item[0]).__name__, str(item[0])))
            digest.update(b"{%d" % len(ordered))
            open_values += [side for item in ordered for side in item]
        elif isinstance(value, list):
            digest.update(b"[%d" % len(value))
            open_values += value
        else:
            # In hexadecimal, an integer may have any number of digits; half a surrogate pair is a code point.
            text = value if isinstance(value, str) else hex(value) if type(value) is int else repr(value)
            spelling = text.encode("utf-8", "surrogatepass")
            digest.update(b"%s %d " % (type(value).__name__.encode(), len(spelling)) + spelling)
    return digest.hexdigest()


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
