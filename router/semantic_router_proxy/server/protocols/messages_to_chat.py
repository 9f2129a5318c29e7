"""Anthropic's Messages API turned into chat completions: the request.

Source: the two APIs' references. What has no counterpart is refused by name, never dropped in silence; except hints
about caching and billing, which do not change an answer.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.protocols.base import untranslatable

_HANDLED = frozenset(
    {"messages", "system", "tools", "tool_choice", "max_tokens", "stop_sequences", "metadata", "thinking"}
)
_HINTS = frozenset({"cache_control", "service_tier"})
_UNTRANSLATED = frozenset({"mcp_servers", "container", "context_management", "output_config", "output_format"})
_TOOL_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def to_chat(body: dict[str, Any]) -> dict[str, Any]:
    """Return the chat completion request that asks the same. Raises ApiError 400 for what cannot be said there."""
    for key in sorted(_UNTRANSLATED & body.keys()):
        raise _refused(key)
    chat = {key: value for key, value in body.items() if key not in _HANDLED and key not in _HINTS}
    chat["messages"] = [*_system(body.get("system")), *_turns(body["messages"])]
    if body.get("max_tokens") is not None:
        chat["max_tokens"] = body["max_tokens"]
    if body.get("stop_sequences"):
        chat["stop"] = body["stop_sequences"]
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("user_id"), str):
        chat["user"] = metadata["user_id"]
    if body.get("tools"):
        chat["tools"] = [_tool(tool, number) for number, tool in enumerate(body["tools"])]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        chat |= _tool_choice(choice)
    return chat


def wants_thinking(body: dict[str, Any]) -> bool:
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _system(system: Any) -> list[dict[str, Any]]:
    text = system if isinstance(system, str) else "\n\n".join(_texts(system))
    return [{"role": "system", "content": text}] if text else []


def _texts(blocks: Any) -> Iterable[str]:
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and isinstance(block.get("text"), str):
            yield block["text"]


def _turns(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        content = message.get("content")
        if isinstance(content, str):
            turns.append({"role": message["role"], "content": content})
            continue
        if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
            raise invalid(f"'messages[{number}].content' must be a string or an array of blocks.", param="messages")
        turns += _assistant(content, number) if message["role"] == "assistant" else _user(content, number)
    return turns


def _assistant(blocks: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    turn: dict[str, Any] = {"role": "assistant", "content": None}
    calls = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            turn["content"] = (turn["content"] or "") + str(block.get("text", ""))
        elif kind == "tool_use":
            arguments = orjson.dumps(block.get("input") or {}).decode()
            function = {"name": block.get("name"), "arguments": arguments}
            calls.append({"id": block.get("id"), "type": "function", "function": function})
        elif kind not in ("thinking", "redacted_thinking"):
            # What a model thought before is for Anthropic's own models to read.
            raise _refused(f"messages[{number}]: a block of type {kind!r}")
    return [turn | ({"tool_calls": calls} if calls else {})]


def _user(blocks: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """Return the tools' results, each a message of its own, and then what the user says."""
    results: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            content = block.get("content")
            inner = content if isinstance(content, list) else []
            text = content if isinstance(content, str) else "\n".join(_texts(inner))
            results.append({"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": text})
            # A tool's message carries text only, so its pictures follow as the user's.
            others = [each for each in inner if isinstance(each, dict) and each.get("type") != "text"]
            parts += [_part(each, number) for each in others]
        else:
            parts.append(_part(block, number))
    if not parts:
        return results
    if all(part["type"] == "text" for part in parts) and len(parts) == 1:
        return [*results, {"role": "user", "content": parts[0]["text"]}]
    return [*results, {"role": "user", "content": parts}]


def _part(block: dict[str, Any], number: int) -> dict[str, Any]:
    kind = block.get("type")
    if kind == "text":
        return {"type": "text", "text": str(block.get("text", ""))}
    source = block.get("source")
    if kind == "image" and isinstance(source, dict):
        if source.get("type") == "base64":
            url = f"data:{source.get('media_type')};base64,{source.get('data')}"
            return {"type": "image_url", "image_url": {"url": url}}
        if source.get("type") == "url":
            return {"type": "image_url", "image_url": {"url": source.get("url")}}
    raise _refused(f"messages[{number}]: a block of type {kind!r}")


def _tool(tool: Any, number: int) -> dict[str, Any]:
    if not isinstance(tool, dict) or tool.get("type", "custom") != "custom":
        kind = tool.get("type") if isinstance(tool, dict) else None
        raise _refused(f"tools[{number}]: a tool of type {kind!r}")
    function = {"name": tool.get("name"), "parameters": tool.get("input_schema") or {"type": "object"}}
    if tool.get("description"):
        function["description"] = tool["description"]
    return {"type": "function", "function": function}


def _tool_choice(choice: dict[str, Any]) -> dict[str, Any]:
    kind = choice.get("type")
    told: dict[str, Any] = {}
    if kind == "tool":
        told["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif kind in _TOOL_CHOICES:
        told["tool_choice"] = _TOOL_CHOICES[kind]
    else:
        raise invalid("'tool_choice.type' must be auto, any, tool or none.", param="tool_choice")
    if choice.get("disable_parallel_tool_use"):
        told["parallel_tool_calls"] = False
    return told


def _refused(what: str) -> ApiError:
    return untranslatable(what, "chat completions", "messages", "A provider with messages_api: native takes it.")
