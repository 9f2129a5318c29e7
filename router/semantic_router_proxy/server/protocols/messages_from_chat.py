"""Anthropic's Messages API turned into chat completions: the answer, whole and as a stream."""

from typing import Any

import orjson

from semantic_router_proxy.server.sse import data_of, json_of

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_THOUGHTS = ("reasoning_content", "reasoning")


def named_event(told: dict[str, Any]) -> bytes:
    """Return an event of Anthropic's streams: its name is its data's type."""
    return b"event: " + str(told["type"]).encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"


def to_message(completion: dict[str, Any]) -> dict[str, Any]:
    """Return a chat completion's first choice as a message. Raises LookupError or ValueError for what is none."""
    choice = completion["choices"][0]
    message = choice["message"]
    content: list[dict[str, Any]] = []
    thought = next((message[key] for key in _THOUGHTS if message.get(key)), "")
    if thought:
        content.append({"type": "thinking", "thinking": thought, "signature": ""})
    text = message.get("content") or message.get("refusal")
    if text:
        content.append({"type": "text", "text": text})
    for call in message.get("tool_calls") or ():
        function = call["function"]
        arguments = orjson.loads(function.get("arguments") or "{}")
        content.append({"type": "tool_use", "id": call["id"], "name": function["name"], "input": arguments})
    return {
        **_opening(completion),
        "content": content,
        **_stop(choice, refused=bool(message.get("refusal"))),
        "usage": _usage(completion.get("usage")),
    }


class StreamToMessage:
    """Turns a stream of chat completion chunks into Anthropic's events, each as it comes."""

    def __init__(self) -> None:
        self._begun = False
        self._index = -1
        self._open = ""
        self._choice: dict[str, Any] = {}
        self._usage: Any = None
        self._refused = False

    def event(self, event: bytes) -> list[bytes]:
        chunk = json_of(event)
        if chunk is None:
            return self._end() if data_of(event) == b"[DONE]" else []
        if chunk.get("error"):
            error = chunk["error"]
            message = error.get("message") if isinstance(error, dict) else error
            return [named_event({"type": "error", "error": {"type": "api_error", "message": str(message)}})]
        told: list[dict[str, Any]] = []
        if not self._begun:
            self._begun = True
            opening = {**_opening(chunk), "content": [], "stop_reason": None, "stop_sequence": None}
            told.append({"type": "message_start", "message": {**opening, "usage": _usage(None)}})
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                told += self._delta(choice.get("delta") or {})
                if choice.get("finish_reason"):
                    self._choice = choice
        return [named_event(each) for each in told]

    def finish(self) -> list[bytes]:
        """Return what is left to say where the stream ended without [DONE]."""
        return self._end()

    def _delta(self, delta: dict[str, Any]) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        thought = next((delta[key] for key in _THOUGHTS if delta.get(key)), "")
        if thought:
            told += self._switch("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            told.append(self._piece({"type": "thinking_delta", "thinking": thought}))
        self._refused = self._refused or bool(delta.get("refusal"))
        text = delta.get("content") or delta.get("refusal")
        if text:
            told += self._switch("text", {"type": "text", "text": ""})
            told.append(self._piece({"type": "text_delta", "text": text}))
        for call in delta.get("tool_calls") or ():
            function = call.get("function") or {}
            block = {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": {}}
            told += self._switch(f"tool {call.get('index', 0)}", block)
            if function.get("arguments"):
                told.append(self._piece({"type": "input_json_delta", "partial_json": function["arguments"]}))
        return told

    def _switch(self, block: str, opening: dict[str, Any]) -> list[dict[str, Any]]:
        """Go on in this block: where another one is open, that ends and this begins."""
        if self._open == block:
            return []
        told = self._close()
        self._open = block
        self._index += 1
        return [*told, {"type": "content_block_start", "index": self._index, "content_block": opening}]

    def _piece(self, delta: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _close(self) -> list[dict[str, Any]]:
        if not self._open:
            return []
        self._open = ""
        return [{"type": "content_block_stop", "index": self._index}]

    def _end(self) -> list[bytes]:
        """End the message. A stream that told no finish is cut, and gets no end."""
        if not self._choice:
            return []
        stop = _stop(self._choice, refused=self._refused)
        self._choice = {}
        last = {"type": "message_delta", "delta": stop, "usage": _usage(self._usage)}
        return [named_event(each) for each in (*self._close(), last, {"type": "message_stop"})]


def _opening(answer: dict[str, Any]) -> dict[str, Any]:
    return {"id": answer.get("id"), "type": "message", "role": "assistant", "model": answer.get("model")}


def _stop(choice: dict[str, Any], *, refused: bool) -> dict[str, Any]:
    matched = choice.get("stop_reason")
    if isinstance(matched, str):
        # vLLM tells the stop string that ended the answer.
        return {"stop_reason": "stop_sequence", "stop_sequence": matched}
    reason = "refusal" if refused else _STOP_REASONS.get(str(choice.get("finish_reason")), "end_turn")
    return {"stop_reason": reason, "stop_sequence": None}


def _usage(usage: Any) -> dict[str, int]:
    """Return the tokens as Anthropic counts them: those read from the provider's own cache apart."""
    given = usage if isinstance(usage, dict) else {}
    details = given.get("prompt_tokens_details")
    cached = (details.get("cached_tokens") or 0) if isinstance(details, dict) else 0
    return {
        "input_tokens": (given.get("prompt_tokens") or 0) - cached,
        "output_tokens": given.get("completion_tokens") or 0,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
    }
