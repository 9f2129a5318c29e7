"""Chat completions turned into Anthropic's Messages API: the request.

Source: the two APIs' references. What has no counterpart is refused by name, never dropped in silence; except hints
about caching, billing and reproducibility, which do not change what is asked. How much the caller wants the model to
reason is told by the model's reasoning family, not here.
"""

from typing import Any

import orjson

from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.protocols.base import untranslatable
from semantic_router_proxy.server.protocols.chat_parts import parts_of, system_blocks

_HANDLED = frozenset(
    {"messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "stop"}
    | {"temperature", "response_format", "user", "safety_identifier", "reasoning_effort", "stream_options"}
)
_HINTS = frozenset(
    {"seed", "store", "metadata", "service_tier", "prompt_cache_key", "prompt_cache_retention", "prediction"}
    | {"verbosity"}
)
# Refused where they ask for anything: 0, false and an empty list or object ask for nothing.
_UNTRANSLATED = frozenset(
    {"logprobs", "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty", "functions", "function_call"}
    | {"audio", "web_search_options"}
)
_TOOL_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def to_messages(body: dict[str, Any]) -> dict[str, Any]:
    """Return the message request that asks the same; `max_tokens` is missing where the caller gave no limit.

    Raises ApiError 400 for what cannot be said there.
    """
    for key in sorted(_UNTRANSLATED & body.keys()):
        if body[key]:
            raise _refused(f"'{key}'", key)
    if body.get("n") not in (None, 1):
        raise _refused("'n' above 1", "n")
    if body.get("modalities") not in (None, ["text"]):
        raise _refused("'modalities' other than text", "modalities")
    skipped = _HANDLED | _HINTS | _UNTRANSLATED | {"n", "modalities"}
    told = {key: value for key, value in body.items() if key not in skipped}
    system, told["messages"] = _conversation(body["messages"])
    if system:
        told["system"] = system[0]["text"] if len(system) == 1 and system[0].keys() == {"type", "text"} else system
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    if limit is not None:
        told["max_tokens"] = limit
    stop = body.get("stop")
    if stop:
        told["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    temperature = body.get("temperature")
    if temperature is not None:
        # OpenAI's scale ends at 2, Anthropic's at 1.
        told["temperature"] = min(temperature, 1) if isinstance(temperature, int | float) else temperature
    user = body.get("safety_identifier") or body.get("user")
    if isinstance(user, str) and user:
        told["metadata"] = {"user_id": user}
    return told | _tools(body) | _format(body.get("response_format"), told.get("output_config"))


def _conversation(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the system prompt's blocks and the turns. Those of one role that follow each other become one: all the
    results of a turn's tool calls have to stand in the turn after it."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        role, place = message["role"], f"messages[{number}]"
        if role in ("system", "developer"):
            system += system_blocks(message.get("content"), place)
            continue
        if role == "user":
            blocks = parts_of(message.get("content"), place)
        elif role == "assistant":
            blocks = _assistant(message, place)
        elif role == "tool":
            role = "user"
            blocks = [_result(message, place)]
        else:
            raise _refused(f"{place}: a message of the role {role!r}", place)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    for turn in turns:
        if len(turn["content"]) == 1 and turn["content"][0].keys() == {"type", "text"}:
            turn["content"] = turn["content"][0]["text"]
    if not turns:
        raise invalid("'messages' has no message of a user or an assistant.", param="messages")
    return system, turns


def _assistant(message: dict[str, Any], place: str) -> list[dict[str, Any]]:
    if message.get("function_call") or message.get("audio"):
        raise _refused(f"{place}: function_call or audio", place)
    # Anthropic's models want their thoughts back, signed, between a tool's call and its result.
    blocks = [block for block in message.get("thinking_blocks") or () if isinstance(block, dict)]
    blocks += parts_of(message.get("content"), place)
    for call in message.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise _refused(f"{place}: a tool call that is not a function's", place)
        try:
            arguments = orjson.loads(function.get("arguments") or "{}")
        except (orjson.JSONDecodeError, TypeError):
            raise invalid(f"{place}: a tool call's arguments are not JSON.", param=place) from None
        blocks.append({"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": arguments})
    return blocks


def _result(message: dict[str, Any], place: str) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": message.get("tool_call_id")}
    content = message.get("content")
    return {**block, "content": content if isinstance(content, str) else parts_of(content, place)}


def _tools(body: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if body.get("tools"):
        if not isinstance(body["tools"], list):
            raise invalid("'tools' must be an array.", param="tools", code="invalid_type")
        told["tools"] = [_tool(tool, number) for number, tool in enumerate(body["tools"])]
    choice = body.get("tool_choice")
    wanted: dict[str, Any] = {}
    if isinstance(choice, str) and choice in _TOOL_CHOICES:
        wanted = {"type": _TOOL_CHOICES[choice]}
    elif isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        wanted = {"type": "tool", "name": choice["function"].get("name")}
    elif choice is not None:
        raise _refused("'tool_choice' of this form", "tool_choice")
    if body.get("parallel_tool_calls") is False and told:
        wanted = {"type": "auto", **wanted}
        if wanted["type"] != "none":
            wanted["disable_parallel_tool_use"] = True
    # Without tools there is nothing to choose, and Anthropic refuses a choice.
    return told | ({"tool_choice": wanted} if wanted and told else {})


def _tool(tool: Any, number: int) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        raise _refused(f"tools[{number}]: a tool that is not a function", "tools")
    told = {"name": function.get("name"), "input_schema": function.get("parameters") or {"type": "object"}}
    if function.get("description"):
        told["description"] = function["description"]
    if function.get("strict"):
        told["strict"] = True
    return told | ({"cache_control": tool["cache_control"]} if tool.get("cache_control") else {})


def _format(wanted: Any, given: Any) -> dict[str, Any]:
    if wanted is None:
        return {}
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "text":
        return {}
    described = wanted.get("json_schema") if kind == "json_schema" else None
    if not isinstance(described, dict) or not isinstance(described.get("schema"), dict):
        raise _refused(f"'response_format' of the type {kind!r} (json_schema has one)", "response_format")
    config = given if isinstance(given, dict) else {}
    return {"output_config": {**config, "format": {"type": "json_schema", "schema": described["schema"]}}}


def _refused(what: str, param: str) -> ApiError:
    return untranslatable(what, "Anthropic's Messages API", param)
