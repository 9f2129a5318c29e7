"""OpenAI chat completions and the older text completions."""

import re
from collections.abc import Sequence
from typing import Any

from semantic_router_proxy.server.errors import invalid
from semantic_router_proxy.server.protocols.base import OpenAIProtocol, check_basics, check_turns, require_list
from semantic_router_proxy.server.sse import DONE, encode, json_of

_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_TEXT_FIELDS = ("content", "refusal", "reasoning_content", "reasoning")


class ChatCompletions(OpenAIProtocol):
    name = "chat"
    path = "/chat/completions"
    usage_on_request = True

    def check(self, body: dict[str, Any]) -> None:
        check_basics(body)
        require_list(body, "messages")
        check_turns(body["messages"])

    def assemble(self, events: Sequence[bytes]) -> dict[str, Any] | None:
        answer, parts = _gather(events)
        if answer is None:
            return None
        choices = []
        for index in sorted(parts):
            message: dict[str, Any] = {"role": "assistant", "content": None}
            choice: dict[str, Any] = {"index": index, "message": message, "logprobs": None, "finish_reason": None}
            for part in parts[index]:
                _add_delta(message, part.get("delta") or {})
                _add_logprobs(choice, part.get("logprobs"))
                _add_others(choice, part, ("index", "delta", "logprobs"))
            if choice["finish_reason"] is None:
                return None
            calls = message.pop("tool_calls", None)
            if calls:
                message["tool_calls"] = [calls[number] for number in sorted(calls)]
            choices.append(choice)
        return {**answer, "object": "chat.completion", "choices": choices}

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> list[bytes]:
        base, events = _base(answer, "chat.completion.chunk"), []

        def add(index: int, delta: dict[str, Any], logprobs: Any = None, finish: Any = None) -> None:
            choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
            events.append(encode({**base, "choices": [choice], **({"usage": None} if include_usage else {})}))

        for choice in answer["choices"]:
            index, message = choice["index"], choice["message"]
            add(index, {"role": message.get("role", "assistant"), "content": "" if message.get("content") else None})
            for key, value in message.items():
                if key in ("role", "tool_calls") or value is None:
                    continue
                add(index, {key: value}, choice.get("logprobs") if key == "content" else None)
            for number, call in enumerate(message.get("tool_calls") or ()):
                add(index, {"tool_calls": [{"index": number, **call}]})
            add(index, {}, None, choice["finish_reason"])
        return _end(base, events, answer, include_usage=include_usage)

    def usage_only(self, event: bytes) -> bool:
        return b'"usage"' in event and _NO_CHOICES.search(event) is not None

    def broken(self, message: str) -> bytes:
        return _broken(message)


class TextCompletions(OpenAIProtocol):
    name = "completions"
    path = "/completions"
    usage_on_request = True

    def check(self, body: dict[str, Any]) -> None:
        check_basics(body)
        if body.get("prompt") is None:
            raise invalid("Missing required parameter: 'prompt'.", param="prompt", code="missing_required_parameter")

    def assemble(self, events: Sequence[bytes]) -> dict[str, Any] | None:
        answer, parts = _gather(events)
        if answer is None:
            return None
        choices = []
        for index in sorted(parts):
            choice: dict[str, Any] = {"index": index, "text": "", "logprobs": None, "finish_reason": None}
            for part in parts[index]:
                choice["text"] += part.get("text") or ""
                _add_logprobs(choice, part.get("logprobs"))
                _add_others(choice, part, ("index", "text", "logprobs"))
            if choice["finish_reason"] is None:
                return None
            choices.append(choice)
        return {**answer, "object": "text_completion", "choices": choices}

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> list[bytes]:
        base, events = _base(answer, "text_completion"), []
        for choice in answer["choices"]:
            piece = {**choice, "finish_reason": None}
            last = {"index": choice["index"], "text": "", "logprobs": None, "finish_reason": choice["finish_reason"]}
            events += [encode({**base, "choices": [part]}) for part in (piece, last)]
        return _end(base, events, answer, include_usage=include_usage)

    def usage_only(self, event: bytes) -> bool:
        return b'"usage"' in event and _NO_CHOICES.search(event) is not None

    def broken(self, message: str) -> bytes:
        return _broken(message)


def _gather(events: Sequence[bytes]) -> tuple[dict[str, Any] | None, dict[int, list[dict[str, Any]]]]:
    """Collect a stream's top-level fields and each choice's parts in order. None where nothing was said or an error
    was."""
    answer: dict[str, Any] = {}
    parts: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        chunk = json_of(event)
        if chunk is None:
            continue
        if chunk.get("error"):
            return None, {}
        for key, value in chunk.items():
            if key != "choices" and (value is not None or key not in answer):
                answer[key] = value
        for part in chunk.get("choices") or ():
            parts.setdefault(int(part.get("index", 0)), []).append(part)
    return (answer, parts) if parts else (None, {})


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, value in delta.items():
        if value is None:
            continue
        if key == "tool_calls":
            _add_tool_calls(message.setdefault("tool_calls", {}), value)
        elif key == "function_call":
            call = message.setdefault("function_call", {"name": "", "arguments": ""})
            call["name"] += value.get("name") or ""
            call["arguments"] += value.get("arguments") or ""
        elif key in _TEXT_FIELDS and isinstance(value, str):
            message[key] = (message.get(key) or "") + value
        elif isinstance(value, list) and isinstance(message.get(key), list):
            message[key] = message[key] + value
        else:
            message[key] = value


def _add_tool_calls(calls: dict[int, dict[str, Any]], deltas: Sequence[dict[str, Any]]) -> None:
    for delta in deltas:
        number = int(delta.get("index", len(calls)))
        call = calls.setdefault(number, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        for key, value in delta.items():
            if key == "function":
                for field, text in value.items():
                    call["function"][field] = call["function"].get(field, "") + (text or "")
            elif key != "index" and value:
                call[key] = value


def _add_logprobs(choice: dict[str, Any], logprobs: Any) -> None:
    """Lists of logprobs grow; the first part decides the shape."""
    if not isinstance(logprobs, dict):
        return
    if choice["logprobs"] is None:
        choice["logprobs"] = {}
    known = choice["logprobs"]
    for key, value in logprobs.items():
        if isinstance(value, list) and isinstance(known.get(key), list):
            known[key] = known[key] + value
        elif value is not None or key not in known:
            known[key] = value


def _add_others(choice: dict[str, Any], part: dict[str, Any], handled: tuple[str, ...]) -> None:
    for key, value in part.items():
        if key not in handled and (value is not None or key not in choice):
            choice[key] = value


def _base(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    return {**{key: value for key, value in answer.items() if key not in ("choices", "usage")}, "object": kind}


def _end(base: dict[str, Any], events: list[bytes], answer: dict[str, Any], *, include_usage: bool) -> list[bytes]:
    if include_usage and answer.get("usage"):
        events.append(encode({**base, "choices": [], "usage": answer["usage"]}))
    events.append(DONE)
    return events


def _broken(message: str) -> bytes:
    error = {"message": message, "type": "server_error", "param": None, "code": "upstream_error"}
    return encode({"error": error})
