"""What a Job's pod says at its end, for the operator to read: JSON in the container's termination message."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

# The reason of a success: the cache is empty, and no backup of it was ever full.
NOTHING_TO_SAVE = "NothingToSave"
RESULT_VARIABLE = "SEMANTIC_ROUTER_RESULT_FILE"
# What a kubelet reads of a termination message.
LONGEST = 4096
_LONGEST_MESSAGE = 1000
_MOST_NAMES = 20

Operation = Literal["backup", "check", "fetch", "restore", "list", "prune", "drill"]
Outcome = Literal["succeeded", "failed"]


@dataclass(slots=True)
class Result:
    """Keys that are None are unknown and not told. Times are RFC 3339, `bytes` those in the object store."""

    operation: str
    outcome: Outcome = "succeeded"
    reason: str | None = None
    message: str = ""
    name: str | None = None
    engine: str | None = None
    started: str | None = None
    finished: str | None = None
    bytes: int | None = None
    objects: int | None = None
    rows: int | None = None
    left_out: int | None = None
    collection: str | None = None
    previous: str | None = None
    embedder: str | None = None
    dimension: int | None = None
    pruned: list[str] | None = None
    kept: int | None = None
    replication: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)


def result_text(result: Result) -> str:
    """Return one line of JSON that a termination message holds; what is too long is cut, names and warnings first."""
    told = {key: value for key, value in asdict(result).items() if value is not None and value != []}
    told["message"] = _cut(result.message, _LONGEST_MESSAGE)
    for key in ("pruned", "warnings"):
        if key in told:
            told[key] = [_cut(each, 300) for each in told[key][:_MOST_NAMES]]
    for key in ("pruned", "warnings", "replication"):
        if _size(told) <= LONGEST:
            break
        told.pop(key, None)
    while _size(told) > LONGEST:
        told["message"] = _cut(told["message"], len(told["message"]) // 2)
    return _json(told)


def parse_result(text: str) -> Result | None:
    """Return the result in a termination message's last line, None where there is none."""
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        told = json.loads(lines[-1]) if lines else None
    except json.JSONDecodeError:
        return None
    if not isinstance(told, dict) or not isinstance(told.get("operation"), str):
        return None
    if told.get("outcome") not in ("succeeded", "failed"):
        return None
    known = {key: told[key] for key in Result.__dataclass_fields__ if key in told and _fits(key, told[key])}
    return Result(**known)


_TEXTS = frozenset(
    ("operation", "outcome", "reason", "message", "name", "engine", "started", "finished", "collection", "previous",
     "embedder")
)  # fmt: skip
_LISTS = frozenset(("pruned", "warnings"))


def _fits(key: str, value: object) -> bool:
    if key in _TEXTS:
        return isinstance(value, str)
    if key in _LISTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if key == "replication":
        return isinstance(value, dict)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"


def _size(told: dict[str, Any]) -> int:
    return len(_json(told).encode())


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
