"""OpenAI's Responses API turned into chat completions: the request.

Source: the two APIs' references. What needs a server that keeps responses, or runs tools itself, is refused by name.
"""

from typing import Any

from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.protocols.base import untranslatable

_HANDLED = frozenset(
    {"input", "instructions", "tools", "tool_choice", "text", "max_output_tokens", "reasoning", "store", "include"}
)
# They change nothing that a chat completion could tell.
_HINTS = frozenset({"truncation", "max_tool_calls", "stream_options", "metadata"})
# Refused where they ask for anything.
_KEPT = frozenset({"previous_response_id", "conversation", "background", "prompt"})
_IMAGE_KEYS = ("detail",)


def response_to_chat(body: dict[str, Any]) -> dict[str, Any]:
    """Return the chat completion request that asks the same. Raises ApiError 400 for what cannot be said there."""
    for key in sorted(_KEPT & body.keys()):
        if body[key]:
            raise _refused(f"'{key}'", key, "It needs a provider that keeps responses: responses_api: native.")
    if body.get("store"):
        raise _refused("'store'", "store", "Nothing is kept at this provider: leave it out, or send false.")
    if body.get("top_logprobs") or "message.output_text.logprobs" in (body.get("include") or ()):
        raise _refused("logprobs", "include")
    chat = {key: value for key, value in body.items() if key not in _HANDLED | _HINTS | _KEPT and value is not None}
    chat.pop("top_logprobs", None)
    instructions = body.get("instructions")
    chat["messages"] = [{"role": "system", "content": instructions}] if instructions else []
    chat["messages"] += _turns(body["input"])
    if body.get("max_output_tokens") is not None:
        chat["max_tokens"] = body["max_output_tokens"]
    reasoning = body.get("reasoning")
    if isinstance(reasoning, dict) and reasoning.get("effort"):
        chat["reasoning_effort"] = reasoning["effort"]
    return chat | _text(body.get("text")) | _tools(body)


def _turns(given: Any) -> list[dict[str, Any]]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise invalid("'input' must be a string or an array of items.", param="input", code="invalid_type")
    turns: list[dict[str, Any]] = []
    for number, item in enumerate(given):
        place = f"input[{number}]"
        kind = item.get("type", "message") if isinstance(item, dict) else None
        if kind == "message":
            turns.append({"role": item.get("role"), "content": _content(item.get("content"), place)})
        elif kind == "function_call":
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            call = {"id": item.get("call_id"), "type": "function", "function": function}
            # Calls that were made together are one turn's, and so is what was said with them.
            if not turns or turns[-1]["role"] != "assistant":
                turns.append({"role": "assistant", "content": None})
            turns[-1].setdefault("tool_calls", []).append(call)
        elif kind == "function_call_output":
            content = _content(item.get("output"), place)
            turns.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": content})
        elif kind != "reasoning":
            # What a model thought before is for the model that thought it.
            raise _refused(f"{place}: an item of the type {kind!r}", place)
    if not all(isinstance(turn["role"], str) for turn in turns):
        raise invalid("each message in 'input' needs a role.", param="input")
    return turns


def _content(content: Any, place: str) -> Any:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise invalid(f"'{place}.content' must be a string or an array of parts.", param=place)
    parts = [_part(part, place) for part in content]
    # Many servers take an assistant's text as a string only.
    texts = [part["text"] for part in parts if part["type"] == "text"]
    return "".join(texts) if len(texts) == len(parts) else parts


def _part(part: dict[str, Any], place: str) -> dict[str, Any]:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": str(part.get("text", ""))}
    if kind == "refusal":
        return {"type": "text", "text": str(part.get("refusal", ""))}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        more = {key: part[key] for key in _IMAGE_KEYS if part.get(key)}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **more}}
    if kind == "input_file" and isinstance(part.get("file_data"), str):
        return {"type": "file", "file": {"file_data": part["file_data"], "filename": part.get("filename")}}
    raise _refused(f"{place}: a part of the type {kind!r} of this form", place)


def _text(settings: Any) -> dict[str, Any]:
    if not isinstance(settings, dict):
        return {}
    told: dict[str, Any] = {"verbosity": settings["verbosity"]} if settings.get("verbosity") else {}
    form = settings.get("format")
    if isinstance(form, dict) and form.get("type") == "json_schema":
        described = {key: form[key] for key in ("name", "description", "schema", "strict") if form.get(key) is not None}
        told["response_format"] = {"type": "json_schema", "json_schema": described}
    elif isinstance(form, dict) and form.get("type") != "text":
        told["response_format"] = form
    return told


def _tools(body: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    tools = []
    for number, tool in enumerate(body.get("tools") or ()):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            kind = tool.get("type") if isinstance(tool, dict) else None
            raise _refused(f"tools[{number}]: a tool of the type {kind!r}", "tools")
        kept = ("name", "description", "parameters", "strict")
        tools.append({"type": "function", "function": {key: tool[key] for key in kept if tool.get(key) is not None}})
    if tools:
        told["tools"] = tools
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        if choice.get("type") != "function":
            raise _refused(f"'tool_choice' of the type {choice.get('type')!r}", "tool_choice")
        told["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif choice is not None and tools:
        told["tool_choice"] = choice
    return told


def _refused(what: str, param: str, advice: str = "") -> ApiError:
    return untranslatable(what, "chat completions", param, advice)
