"""Chat completions turned into Anthropic's Messages API: the answer, whole and as a stream."""

import time
from typing import Any

import orjson

from semantic_router_proxy.server.sse import DONE, encode, json_of

_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class ToChat:
    """A message, told as a chat completion."""

    def __init__(self) -> None:
        self._base: dict[str, Any] = {"created": int(time.time())}
        self._calls = -1
        self._usage: dict[str, Any] = {}
        self._thought: dict[str, Any] = {}
        self._finish = ""
        self._ended = False

    def whole(self, answer: Any) -> dict[str, Any]:
        """Return the chat completion. Raises LookupError or TypeError for what is no message."""
        message: dict[str, Any] = {"role": "assistant", "content": None}
        thoughts = []
        calls = []
        for block in answer["content"]:
            kind = block["type"]
            if kind == "text":
                message["content"] = (message["content"] or "") + block["text"]
            elif kind == "thinking":
                message["reasoning_content"] = message.get("reasoning_content", "") + block["thinking"]
                thoughts.append(block)
            elif kind == "redacted_thinking":
                thoughts.append(block)
            elif kind == "tool_use":
                function = {"name": block["name"], "arguments": orjson.dumps(block["input"]).decode()}
                calls.append({"id": block["id"], "type": "function", "function": function})
        if thoughts:
            message["thinking_blocks"] = thoughts
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer["stop_reason"])}
        base = {**self._base, "id": answer["id"], "model": answer["model"], "object": "chat.completion"}
        return {**base, "choices": [choice], "usage": _counted(answer["usage"])}

    def event(self, event: bytes) -> list[bytes]:
        """Return the chunks that an event becomes. Raises LookupError or TypeError for what is none."""
        told = json_of(event)
        kind = told.get("type") if told is not None else None
        if told is None or kind == "ping":
            return []
        if kind == "message_start":
            message = told["message"]
            self._usage = message.get("usage") or {}
            self._base |= {"id": message["id"], "model": message["model"], "object": "chat.completion.chunk"}
            return [self._chunk({"role": "assistant", "content": ""})]
        if kind == "content_block_start":
            return self._opening(told["content_block"])
        if kind == "content_block_delta":
            return self._piece(told["delta"])
        if kind == "content_block_stop" and self._thought:
            # Whole, as it has to come back: its parts have gone out as reasoning_content.
            block, self._thought = self._thought, {}
            return [self._chunk({"thinking_blocks": [block]})]
        if kind == "message_delta":
            self._usage = {**self._usage, **(told.get("usage") or {})}
            self._finish = _finish(told["delta"].get("stop_reason")) or self._finish
        elif kind == "message_stop":
            return self._end()
        elif kind == "error":
            error = told["error"]
            self._ended = True
            inner = {"message": error.get("message"), "type": error.get("type"), "param": None, "code": None}
            return [encode({"error": inner})]
        return []

    def finish(self) -> list[bytes]:
        """A stream without its last event is cut, and gets no end."""
        return []

    def _opening(self, block: dict[str, Any]) -> list[bytes]:
        if block["type"] == "tool_use":
            self._calls += 1
            function = {"name": block["name"], "arguments": ""}
            call = {"index": self._calls, "id": block["id"], "type": "function", "function": function}
            return [self._chunk({"tool_calls": [call]})]
        if block["type"] == "thinking":
            self._thought = {"type": "thinking", "thinking": "", "signature": ""}
        if block["type"] == "redacted_thinking":
            return [self._chunk({"thinking_blocks": [block]})]
        return [self._chunk({"content": block["text"]})] if block.get("text") else []

    def _piece(self, delta: dict[str, Any]) -> list[bytes]:
        kind = delta["type"]
        if kind == "text_delta":
            return [self._chunk({"content": delta["text"]})]
        if kind == "thinking_delta" and self._thought:
            self._thought["thinking"] += delta["thinking"]
            return [self._chunk({"reasoning_content": delta["thinking"]})]
        if kind == "signature_delta" and self._thought:
            self._thought["signature"] += delta["signature"]
        if kind == "input_json_delta" and self._calls >= 0:
            call = {"index": self._calls, "function": {"arguments": delta["partial_json"]}}
            return [self._chunk({"tool_calls": [call]})] if delta["partial_json"] else []
        return []

    def _end(self) -> list[bytes]:
        if self._ended:
            return []
        self._ended = True
        usage = {**self._base, "choices": [], "usage": _counted(self._usage)}
        return [self._chunk({}, self._finish or "stop"), encode(usage), DONE]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return encode({**self._base, "choices": [choice]})


def _finish(reason: Any) -> str:
    return _FINISHES.get(reason, "stop") if reason else ""


def _counted(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the tokens as OpenAI counts them: those of the provider's own cache belong to the prompt's."""
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    prompt = (usage.get("input_tokens") or 0) + read + written
    completion = usage.get("output_tokens") or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read},
    }
