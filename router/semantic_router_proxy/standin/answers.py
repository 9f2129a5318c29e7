"""What the stand-in says: a function of the request and of nothing else."""

import hashlib
import json
import math
import re
from typing import Any

_SENTENCES = (
    "Start with the part that changes most often and write down what it depends on.",
    "Most people find the setting in the first menu that opens after signing in.",
    "The usual way takes three steps, and none of them loses what was there before.",
    "Check the result against a small example before you use it on everything.",
    "There is a shorter way, but it only works when the input is already in order.",
    "If that does not help, the message that is shown says which part was refused.",
    "The documentation describes the limits, and they rarely matter in practice.",
    "Keep the old version until the new one has run for a day.",
    "Every further case follows from the same rule.",
    "It is worth measuring first, because the slow part is seldom the expected one.",
)
_MODE = re.compile(r"(?:^|[-:/])(status-\d{3}|cut|hang|hold|length|garbage|disconnect|refusal)$")
_PIECE = re.compile(r"\S+\s*")


def mode_of(model: str, header: str) -> str:
    """Return the failure that the header or the end of the model's name asks for; empty: none."""
    if header:
        return header
    found = _MODE.search(model)
    return found.group(1) if found else ""


def answer_text(model: str, question: str) -> str:
    """Return a few sentences that belong to this model and question."""
    digest = hashlib.sha256(f"{model}\n{question}".encode()).digest()
    chosen = [_SENTENCES[digest[i] % len(_SENTENCES)] for i in range(3)]
    quoted = " ".join(question.split())[:120]
    return f"About “{quoted}”: {' '.join(dict.fromkeys(chosen))}"


def pieces(text: str) -> list[str]:
    """Cut a text into what a model would stream, a word a token; joined they give the text again."""
    return _PIECE.findall(text) or [text]


def count_tokens(text: str) -> int:
    return max(1, len(text.split()))


def last_user_text(messages: Any) -> str:
    """Return the text of the last user message, empty where there is none."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role", "user") == "user":
            return content_text(message.get("content"))
    return ""


def content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text", "") for part in content if isinstance(part, dict)]
        return " ".join(part for part in parts if isinstance(part, str))
    return ""


def sample(schema: Any) -> Any:
    """Return the simplest value that a JSON schema allows."""
    if not isinstance(schema, dict):
        return {}
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return sample(schema[key][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(part) for name, part in schema.get("properties", {}).items()}
    return {"array": [], "string": "text", "integer": 1, "number": 1.5, "boolean": True}.get(kind)


def tool_call(body: dict[str, Any]) -> tuple[str, str] | None:
    """Return the name and the JSON arguments of the call that the stand-in makes: the first tool, if any is offered."""
    tools = body.get("tools")
    if not tools or body.get("tool_choice") == "none":
        return None
    messages = body.get("messages")
    if isinstance(messages, list) and messages and _is_result(messages[-1]):
        return None
    function = tools[0].get("function", tools[0])
    return function["name"], json.dumps(sample(function.get("parameters") or function.get("input_schema")))


def _is_result(message: dict[str, Any]) -> bool:
    """Whether a message carries a tool's result, as either protocol has it."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else ()
    return message.get("role") == "tool" or any(block.get("type") == "tool_result" for block in blocks)


def reply_text(body: dict[str, Any], question: str) -> str:
    """Return the answer: JSON where a schema was asked for, else sentences."""
    wanted = body.get("response_format")
    anthropics = (body.get("output_config") or {}).get("format")
    if anthropics:
        return json.dumps(sample(anthropics.get("schema")))
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        return json.dumps(sample(wanted.get("json_schema", {}).get("schema")))
    if isinstance(wanted, dict) and wanted.get("type") == "json_object":
        return json.dumps({"answer": question})
    return answer_text(str(body.get("model", "")), question)


def vector(text: str, dimension: int) -> list[float]:
    """Return a unit vector of the given dimension that belongs to the text; it carries no meaning."""
    numbers: list[float] = []
    block = text.encode()
    while len(numbers) < dimension:
        block = hashlib.sha256(block).digest()
        numbers.extend(byte / 127.5 - 1.0 for byte in block)
    numbers = numbers[:dimension]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]
