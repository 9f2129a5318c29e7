"""OpenAI's Responses API turned into chat completions: the answer, whole and as a stream."""

import time
from typing import Any

from semantic_router_proxy.server.protocols.responses import item_events, named_event
from semantic_router_proxy.server.sse import data_of, json_of

_THOUGHTS = ("reasoning_content", "reasoning")
_ECHOED = ("instructions", "max_output_tokens", "metadata", "reasoning", "temperature", "text", "top_p", "truncation")


class ToResponse:
    """A chat completion, told as a response. `asked` is the request in the words of the Responses API."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._response: dict[str, Any] = {
            "object": "response",
            "created_at": int(time.time()),
            "error": None,
            "incomplete_details": None,
            **{key: asked.get(key) for key in _ECHOED},
            "parallel_tool_calls": asked.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "store": False,
            "tool_choice": asked.get("tool_choice") or "auto",
            "tools": asked.get("tools") or [],
        }
        self._identity = ""
        self._items: list[dict[str, Any]] = []
        self._open = ""
        self._usage: Any = None
        self._finish: Any = None
        self._number = 0
        self._begun = False
        self._ended = False

    def whole(self, answer: Any) -> dict[str, Any]:
        """Return the response. Raises LookupError or TypeError for what is no chat completion."""
        choice = answer["choices"][0]
        message = choice["message"]
        identity = str(answer["id"])
        items: list[dict[str, Any]] = []
        thought = next((message[key] for key in _THOUGHTS if message.get(key)), "")
        if thought:
            items.append(_reasoning(f"{identity}_{len(items)}", thought))
        if message.get("content") or message.get("refusal"):
            items.append(_message(f"{identity}_{len(items)}", [_part(message.get("content"), message.get("refusal"))]))
        for call in message.get("tool_calls") or ():
            function = call["function"]
            items.append(_call(call["id"], function["name"], function.get("arguments") or ""))
        return self._complete(identity, answer.get("model"), items, choice["finish_reason"], answer.get("usage"))

    def event(self, event: bytes) -> list[bytes]:
        """Return the events that a chunk becomes. Raises LookupError or TypeError for what is none."""
        chunk = json_of(event)
        if chunk is None:
            return self._end() if data_of(event) == b"[DONE]" else []
        if chunk.get("error"):
            error = chunk["error"]
            self._ended = True
            message = error.get("message") if isinstance(error, dict) else error
            return self._named({"type": "error", "code": "upstream_error", "message": str(message), "param": None})
        told: list[bytes] = []
        if not self._begun:
            self._begun = True
            self._identity = str(chunk.get("id"))
            self._response |= {"id": f"resp_{self._identity}", "model": chunk.get("model")}
            running = {**self._response, "status": "in_progress", "output": [], "usage": None}
            for kind in ("created", "in_progress"):
                told += self._named({"type": f"response.{kind}", "response": running})
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                told += self._delta(choice.get("delta") or {})
                self._finish = choice.get("finish_reason") or self._finish
        return told

    def finish(self) -> list[bytes]:
        """Return what is left to say where the stream ended without [DONE]."""
        return self._end()

    def _delta(self, delta: dict[str, Any]) -> list[bytes]:
        told: list[bytes] = []
        identity = f"{self._identity}_{len(self._items)}"
        thought = next((delta[key] for key in _THOUGHTS if delta.get(key)), "")
        if thought:
            told += self._switch("reasoning", _reasoning(identity, ""))
            self._items[-1]["content"][0]["text"] += thought
            told += self._placed("response.reasoning_text.delta", {"content_index": 0, "delta": thought})
        for key, kind in (("content", "output_text"), ("refusal", "refusal")):
            if not delta.get(key):
                continue
            text = str(delta[key])
            part = _part("", None) if key == "content" else _part(None, "")
            told += self._switch(kind, _message(identity, [part]))
            self._items[-1]["content"][0]["text" if key == "content" else "refusal"] += text
            logprobs: dict[str, Any] = {"logprobs": []} if key == "content" else {}
            told += self._placed(f"response.{kind}.delta", {"content_index": 0, "delta": text, **logprobs})
        for call in delta.get("tool_calls") or ():
            function = call.get("function") or {}
            name = f"call {call.get('index', 0)}"
            told += self._switch(name, _call(call.get("id"), function.get("name"), ""))
            if function.get("arguments"):
                self._items[-1]["arguments"] += function["arguments"]
                told += self._placed("response.function_call_arguments.delta", {"delta": function["arguments"]})
        return told

    def _switch(self, name: str, item: dict[str, Any]) -> list[bytes]:
        """Go on in this item: where another one is open, that ends and this begins."""
        if self._open == name:
            return []
        told = self._close()
        self._open = name
        self._items.append(item)
        opening, *_ = item_events(len(self._items) - 1, item)
        told += self._named(opening)
        if item["type"] == "message":
            told += self._placed("response.content_part.added", {"content_index": 0, "part": dict(item["content"][0])})
        return told

    def _close(self) -> list[bytes]:
        """End the open item: everything that is told of it at its end."""
        if not self._open:
            return []
        self._open = ""
        endings = [each for each in item_events(len(self._items) - 1, self._items[-1]) if each["type"].endswith("done")]
        return [said for each in endings for said in self._named(each)]

    def _placed(self, kind: str, more: dict[str, Any]) -> list[bytes]:
        return self._named(
            {"type": kind, "item_id": self._items[-1]["id"], "output_index": len(self._items) - 1, **more}
        )

    def _named(self, told: dict[str, Any]) -> list[bytes]:
        self._number += 1
        return [named_event({**told, "sequence_number": self._number - 1})]

    def _end(self) -> list[bytes]:
        """End the response. A stream that told no finish is cut, and gets no end."""
        if self._ended or self._finish is None:
            return []
        self._ended = True
        told = self._close()
        response = self._complete(self._identity, self._response["model"], self._items, self._finish, self._usage)
        return told + self._named({"type": f"response.{response['status']}", "response": response})

    def _complete(
        self, identity: str, model: Any, items: list[dict[str, Any]], finish: Any, usage: Any
    ) -> dict[str, Any]:
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(str(finish))
        return {
            **self._response,
            "id": f"resp_{identity}",
            "model": model,
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "output": items,
            "usage": _counted(usage),
        }


def _reasoning(identity: str, text: str) -> dict[str, Any]:
    content = [{"type": "reasoning_text", "text": text}]
    return {"type": "reasoning", "id": f"rs_{identity}", "summary": [], "content": content, "status": "completed"}


def _message(identity: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "message", "id": f"msg_{identity}", "status": "completed", "role": "assistant", "content": content}


def _part(text: Any, refusal: Any) -> dict[str, Any]:
    if text is None or (refusal and not text):
        return {"type": "refusal", "refusal": refusal or ""}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call(identity: Any, name: Any, arguments: str) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{identity}",
        "call_id": identity,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def _counted(usage: Any) -> dict[str, Any] | None:
    if not isinstance(usage, dict):
        return None
    read, written = (usage.get(f"{kind}_tokens_details") or {} for kind in ("prompt", "completion"))
    prompt, completion = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": read.get("cached_tokens") or 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": written.get("reasoning_tokens") or 0},
        "total_tokens": usage.get("total_tokens") or prompt + completion,
    }
