"""The parts of a chat message as Anthropic's content blocks."""

from typing import Any

from semantic_router_proxy.server.errors import invalid
from semantic_router_proxy.server.protocols.base import untranslatable


def system_blocks(content: Any, place: str) -> list[dict[str, Any]]:
    """Return a system message's blocks. Raises ApiError 400 for what is no text."""
    blocks = parts_of(content, place)
    if any(block["type"] != "text" for block in blocks):
        raise invalid(f"'{place}.content' may be text only in a system message.", param=place)
    return blocks


def parts_of(content: Any, place: str) -> list[dict[str, Any]]:
    """Return the blocks of a message's content, without empty texts, which Anthropic refuses.

    Raises ApiError 400 for what has no counterpart.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise invalid(f"'{place}.content' must be a string or an array of parts.", param=place)
    blocks = []
    for part in content:
        block = _block(part, place)
        if block.get("text") == "":
            continue
        # Callers of Anthropic's models say so which part of a prompt the provider shall keep.
        blocks.append(block | ({"cache_control": part["cache_control"]} if part.get("cache_control") else {}))
    return blocks


def _block(part: dict[str, Any], place: str) -> dict[str, Any]:
    kind = part.get("type")
    if kind in ("text", "refusal"):
        return {"type": "text", "text": str(part.get(kind, ""))}
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str):
            return {"type": "image", "source": _source(url, place)}
    if kind == "file" and isinstance(part.get("file"), dict):
        file = part["file"]
        if isinstance(file.get("file_data"), str):
            source = _source(file["file_data"], place)
            if source.get("media_type") == "application/pdf":
                named = {"title": file["filename"]} if isinstance(file.get("filename"), str) else {}
                return {"type": "document", "source": source, **named}
    raise untranslatable(f"{place}: a part of the type {kind!r}", "Anthropic's Messages API", place)


def _source(url: str, place: str) -> dict[str, Any]:
    """Return where a picture or a file is: its data (RFC 2397), or an address that the provider fetches."""
    if url.startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    head, comma, data = url.removeprefix("data:").partition(",")
    kind, *parameters = head.split(";")
    if not url.startswith("data:") or not comma or "base64" not in parameters:
        raise invalid(f"'{place}' has an address that is neither https: nor data: with base64.", param=place)
    return {"type": "base64", "media_type": kind, "data": data}
