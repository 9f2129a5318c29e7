"""Anthropic's Messages API."""

from collections.abc import Sequence
from typing import Any

import orjson

from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.protocols.base import check_basics, check_turns, require_list
from semantic_router_proxy.server.protocols.messages_from_chat import StreamToMessage, named_event, to_message
from semantic_router_proxy.server.sse import json_of

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}


class Messages:
    name = "messages"
    path = "/messages"
    usage_on_request = False

    def check(self, body: dict[str, Any]) -> None:
        check_conversation(body)
        if not isinstance(body.get("max_tokens"), int):
            raise invalid("'max_tokens' must be an integer.", param="max_tokens")

    def assemble(self, events: Sequence[bytes]) -> dict[str, Any] | None:
        message: dict[str, Any] = {}
        blocks: dict[int, dict[str, Any]] = {}
        for event in events:
            told = json_of(event) or {}
            kind = told.get("type")
            if kind == "message_start":
                message = dict(told["message"])
            elif kind == "content_block_start":
                blocks[told["index"]] = dict(told["content_block"])
            elif kind == "content_block_delta":
                _add_piece(blocks[told["index"]], told["delta"])
            elif kind == "message_delta":
                usage = {**(message.get("usage") or {}), **(told.get("usage") or {})}
                message = {**message, **told.get("delta", {}), "usage": usage}
            elif kind == "message_stop":
                content = [_whole_block(blocks[index]) for index in sorted(blocks)]
                return {**message, "content": content}
            elif kind == "error":
                return None
        return None

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> list[bytes]:
        usage = answer.get("usage") or {}
        opening = {**answer, "content": [], "stop_reason": None, "stop_sequence": None}
        told: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**opening, "usage": {**usage, "output_tokens": 0}}}
        ]
        for index, block in enumerate(answer.get("content") or ()):
            told += _block_events(index, block)
        stop = {"stop_reason": answer.get("stop_reason"), "stop_sequence": answer.get("stop_sequence")}
        told += [{"type": "message_delta", "delta": stop, "usage": usage}, {"type": "message_stop"}]
        return [named_event(each) for each in told]

    def usage_only(self, event: bytes) -> bool:
        return False

    def broken(self, message: str) -> bytes:
        return named_event({"type": "error", "error": {"type": "api_error", "message": message}})

    def error(self, error: ApiError) -> bytes:
        """Return an error in Anthropic's words; one that a provider has told in them stays as it is."""
        told: Any = orjson.loads(error.body)
        if told.get("type") == "error":
            return error.body
        inner = told.get("error")
        message = inner.get("message") if isinstance(inner, dict) else inner
        kind = _ERROR_TYPES.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
        return orjson.dumps({"type": "error", "error": {"type": kind, "message": str(message)}})


def check_conversation(body: dict[str, Any]) -> None:
    """Raise ApiError 400 for what is no conversation, whatever is to be done with it."""
    check_basics(body)
    require_list(body, "messages")
    check_turns(body["messages"])
    if body.get("tools") is not None and not isinstance(body["tools"], list):
        raise invalid("'tools' must be an array.", param="tools", code="invalid_type")


class ToMessages:
    """Chat completions, told as messages."""

    def __init__(self) -> None:
        self._stream = StreamToMessage()

    def whole(self, answer: Any) -> dict[str, Any]:
        """Return the message. Raises LookupError, TypeError or ValueError for what is no chat completion."""
        return to_message(answer)

    def event(self, event: bytes) -> list[bytes]:
        return self._stream.event(event)

    def finish(self) -> list[bytes]:
        return self._stream.finish()


def _add_piece(block: dict[str, Any], delta: dict[str, Any]) -> None:
    kind = delta.get("type")
    if kind == "input_json_delta":
        block["partial_json"] = block.get("partial_json", "") + delta.get("partial_json", "")
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or ()), delta.get("citation")]
    elif kind in _PIECES:
        key = _PIECES[kind]
        block[key] = (block.get(key) or "") + delta.get(key, "")


def _whole_block(block: dict[str, Any]) -> dict[str, Any]:
    if "partial_json" not in block:
        return block
    partial = block.pop("partial_json")
    return {**block, "input": orjson.loads(partial or "{}")}


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    kind, opening, deltas = block.get("type"), dict(block), []
    if kind == "text":
        opening["text"] = ""
        opening.pop("citations", None)
        deltas = [{"type": "text_delta", "text": block.get("text", "")}]
        deltas += [{"type": "citations_delta", "citation": each} for each in block.get("citations") or ()]
    elif kind == "thinking":
        opening |= {"thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": block.get("thinking", "")}]
        deltas.append({"type": "signature_delta", "signature": block.get("signature", "")})
    elif "input" in block:
        opening["input"] = {}
        deltas = [{"type": "input_json_delta", "partial_json": orjson.dumps(block["input"]).decode()}]
    return [
        {"type": "content_block_start", "index": index, "content_block": opening},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]
