"""OpenAI's Responses API."""

from collections.abc import Sequence
from typing import Any

import orjson

from semantic_router_proxy.server.errors import invalid
from semantic_router_proxy.server.protocols.base import OpenAIProtocol, check_basics
from semantic_router_proxy.server.sse import json_of

_ENDS = ("response.completed", "response.incomplete", "response.failed")


class Responses(OpenAIProtocol):
    name = "responses"
    path = "/responses"
    usage_on_request = False

    def check(self, body: dict[str, Any]) -> None:
        check_basics(body)
        if body.get("input") is None and body.get("prompt") is None:
            raise invalid("Missing required parameter: 'input'.", param="input", code="missing_required_parameter")
        if body.get("background"):
            raise invalid(
                "'background' needs a response that can be fetched later; this router keeps none. Use 'stream'.",
                param="background",
                code="responses_not_kept",
            )

    def assemble(self, events: Sequence[bytes]) -> dict[str, Any] | None:
        for event in reversed(events):
            told = json_of(event)
            if told is not None and told.get("type") in _ENDS:
                response = told.get("response")
                return response if isinstance(response, dict) else None
        return None

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> list[bytes]:
        running = {**answer, "status": "in_progress", "output": [], "usage": None}
        told: list[dict[str, Any]] = [
            {"type": "response.created", "response": running},
            {"type": "response.in_progress", "response": running},
        ]
        for number, item in enumerate(answer.get("output") or ()):
            told += item_events(number, item)
        told.append({"type": f"response.{answer.get('status', 'completed')}", "response": answer})
        return [named_event({**event, "sequence_number": number}) for number, event in enumerate(told)]

    def usage_only(self, event: bytes) -> bool:
        return False

    def broken(self, message: str) -> bytes:
        return named_event({"type": "error", "code": "upstream_error", "message": message, "param": None})


def named_event(told: dict[str, Any]) -> bytes:
    return b"event: " + str(told["type"]).encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"


def item_events(number: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events that tell one item of an answer's output, from its opening to its end."""
    place = {"item_id": item.get("id"), "output_index": number}
    opening = {**item, "status": "in_progress"}
    middle: list[dict[str, Any]] = []
    if item.get("type") == "function_call":
        opening["arguments"] = ""
        arguments = item.get("arguments", "")
        middle = [
            {"type": "response.function_call_arguments.delta", **place, "delta": arguments},
            {
                "type": "response.function_call_arguments.done",
                **place,
                "name": item.get("name"),
                "arguments": arguments,
            },
        ]
    elif item.get("type") == "reasoning" and item.get("content"):
        opening["content"] = []
        for index, part in enumerate(item["content"]):
            at, text = {**place, "content_index": index}, part.get("text", "")
            middle.append({"type": "response.reasoning_text.delta", **at, "delta": text})
            middle.append({"type": "response.reasoning_text.done", **at, "text": text})
    elif item.get("type") == "message":
        opening["content"] = []
        for index, part in enumerate(item.get("content") or ()):
            middle += _part({**place, "content_index": index}, part)
    return [
        {"type": "response.output_item.added", "output_index": number, "item": opening},
        *middle,
        {"type": "response.output_item.done", "output_index": number, "item": item},
    ]


def _part(place: dict[str, Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    kind, key = ("refusal", "refusal") if part.get("type") == "refusal" else ("output_text", "text")
    text = part.get(key, "")
    logprobs = {"logprobs": part.get("logprobs") or []} if kind == "output_text" else {}
    return [
        {"type": "response.content_part.added", **place, "part": {**part, key: ""}},
        {"type": f"response.{kind}.delta", **place, "delta": text, **logprobs},
        {"type": f"response.{kind}.done", **place, key: text, **logprobs},
        {"type": "response.content_part.done", **place, "part": part},
    ]
