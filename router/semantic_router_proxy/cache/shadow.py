"""Shadow hits: answers that the cache had and did not give, to be compared with what the model says now. Pure."""

import hashlib
from typing import Any

import numpy as np

from semantic_router_proxy.cache.entry import Vector


def drawn(share: float, key: str, purpose: str) -> bool:
    """Draw by a request's key in place of chance: True for `share` (0 to 1) of all keys, always alike for one key.

    `purpose` makes two draws for one key independent of each other.
    """
    if share <= 0 or share >= 1:
        return share >= 1
    digest = hashlib.sha256(f"{purpose}\n{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def answer_text(protocol: str, answer: Any) -> str:
    """Return what an answer says, without ids and usage; empty where it says nothing in words."""
    if not isinstance(answer, dict):
        return ""
    if protocol == "responses":
        items = [item for item in answer.get("output") or () if isinstance(item, dict)]
        return "\n".join(text for item in items if (text := _content_text(item.get("content"))))
    if protocol == "messages":
        return _content_text(answer.get("content"))
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        return ""
    if isinstance(first.get("text"), str):
        return str(first["text"])
    message = first.get("message")
    return _content_text(message.get("content")) if isinstance(message, dict) else ""


def agreement(fresh: Vector, cached: Vector) -> float:
    """Return the cosine of two answers' unit vectors, float32 of shape (dimension,)."""
    return float(np.dot(fresh, cached))


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))
