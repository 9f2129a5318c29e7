"""The stand-in's answers in each protocol's form."""

import hashlib
from typing import Any

import orjson

from semantic_router_proxy.standin.answers import (
    content_text,
    count_tokens,
    last_user_text,
    pieces,
    reply_text,
    tool_call,
)

CREATED = 1_760_000_000


def identifier(prefix: str, body: dict[str, Any], salt: int) -> str:
    digest = hashlib.sha256(orjson.dumps([body, salt], option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{prefix}{digest[:24]}"


def usage(body: dict[str, Any], text: str) -> dict[str, int]:
    asked = body.get("messages") or body.get("prompt") or body.get("input") or ""
    prompt = count_tokens(asked if isinstance(asked, str) else " ".join(_texts(asked)))
    completion = count_tokens(text) * int(body.get("n") or 1)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _texts(messages: list[Any]) -> list[str]:
    return [content_text(m.get("content")) if isinstance(m, dict) else str(m) for m in messages]


def chat_completion(body: dict[str, Any], salt: int, finish: str = "stop") -> dict[str, Any]:
    """Return a chat.completion; `salt` makes ids of repeated calls differ, as a real server's do."""
    text = reply_text(body, last_user_text(body.get("messages")))
    call = tool_call(body)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if call is not None:
        message["content"] = None
        message["tool_calls"] = [
            {
                "id": identifier("call_", body, salt),
                "type": "function",
                "function": {"name": call[0], "arguments": call[1]},
            }
        ]
        finish = "tool_calls"
    logprobs: dict[str, Any] | None = None
    if body.get("logprobs"):
        logprobs = {
            "content": [{"token": p, "logprob": -0.1, "bytes": None, "top_logprobs": []} for p in pieces(text)],
            "refusal": None,
        }
    choices = [
        {"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish}
        for index in range(int(body.get("n") or 1))
    ]
    return {
        "id": identifier("chatcmpl-", body, salt),
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": choices,
        "usage": usage(body, text),
        "system_fingerprint": "fp_standin",
    }


def chat_chunks(completion: dict[str, Any], *, include_usage: bool) -> list[dict[str, Any]]:
    """Return the completion as the chunks that a server would stream."""
    base = {key: completion[key] for key in ("id", "created", "model", "system_fingerprint")}
    base["object"] = "chat.completion.chunk"
    chunks: list[dict[str, Any]] = []

    def add(index: int, delta: dict[str, Any], finish: str | None = None) -> None:
        chunk = {**base, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]}
        if include_usage:
            chunk["usage"] = None
        chunks.append(chunk)

    for choice in completion["choices"]:
        index, message = choice["index"], choice["message"]
        add(index, {"role": "assistant", "content": "" if message["content"] is not None else None})
        for piece in pieces(message["content"]) if message["content"] else ():
            add(index, {"content": piece})
        for number, call in enumerate(message.get("tool_calls") or ()):
            function = call["function"]
            opening = {**call, "index": number, "function": {"name": function["name"], "arguments": ""}}
            add(index, {"tool_calls": [opening]})
            for piece in pieces(function["arguments"]):
                add(index, {"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
        add(index, {}, choice["finish_reason"])
    if include_usage:
        chunks.append({**base, "choices": [], "usage": completion["usage"]})
    return chunks


def text_completion(body: dict[str, Any], salt: int) -> dict[str, Any]:
    prompt = body.get("prompt")
    text = reply_text(body, prompt if isinstance(prompt, str) else str(prompt))
    return {
        "id": identifier("cmpl-", body, salt),
        "object": "text_completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage(body, text),
    }


def text_chunks(completion: dict[str, Any], *, include_usage: bool) -> list[dict[str, Any]]:
    base = {key: completion[key] for key in ("id", "object", "created", "model")}
    text = completion["choices"][0]["text"]
    chunks: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None}]}
        for piece in pieces(text)
    ]
    chunks.append({**base, "choices": [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}]})
    if include_usage:
        chunks.append({**base, "choices": [], "usage": completion["usage"]})
    return chunks


def response_object(body: dict[str, Any], salt: int) -> dict[str, Any]:
    """Return a finished object of the Responses API."""
    asked = body.get("input")
    question = asked if isinstance(asked, str) else last_user_text(asked)
    text = reply_text(body, question)
    counted = usage(body, text)
    return {
        "id": identifier("resp_", body, salt),
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": {},
        "model": body["model"],
        "output": [
            {
                "type": "message",
                "id": identifier("msg_", body, salt),
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": counted["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": counted["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": counted["total_tokens"],
        },
    }


def response_events(response: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the response as the events of its stream."""
    item = response["output"][0]
    part = item["content"][0]
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    running = {**response, "status": "in_progress", "output": [], "usage": None}
    opening = {**item, "status": "in_progress", "content": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": running},
        {"type": "response.in_progress", "response": running},
        {"type": "response.output_item.added", "output_index": 0, "item": opening},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **place, "delta": p, "logprobs": []} for p in pieces(part["text"])),
        {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def anthropic_message(body: dict[str, Any], salt: int) -> dict[str, Any]:
    """Return a finished message of Anthropic's Messages API."""
    text = reply_text(body, last_user_text(body.get("messages")))
    counted = usage(body, text)
    call = tool_call(body)
    content: dict[str, Any] = {"type": "text", "text": text}
    if call is not None:
        identity = identifier("toolu_", body, salt)
        content = {"type": "tool_use", "id": identity, "name": call[0], "input": orjson.loads(call[1])}
    return {
        "id": identifier("msg_", body, salt),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [content],
        "stop_reason": "end_turn" if call is None else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": counted["prompt_tokens"], "output_tokens": counted["completion_tokens"]},
    }


def anthropic_events(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the message as the events of its stream."""
    block = message["content"][0]
    opening = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    if block["type"] == "text":
        empty: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    else:
        empty = {**block, "input": {}}
        told = orjson.dumps(block["input"]).decode()
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(told)]
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    return [
        {"type": "message_start", "message": opening},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": stop,
            "usage": {"output_tokens": message["usage"]["output_tokens"]},
        },
        {"type": "message_stop"},
    ]
