"""The rules of what may be read from the cache and what may be kept in it. Pure: no clock, no store."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from semantic_router_proxy.cache.guard.lexicon import LEXICON
from semantic_router_proxy.cache.language import language_of

MAX_TEMPERATURE = 1.0
# A question of fewer words is a remark; one with a single word of content is a question from three words on.
MIN_WORDS = 3
# Characters. An embedding model sees the beginning of a longer question only.
LONGEST = 4000
_EDGE = 2000

_WORD = re.compile(r"\w+(?:['’]\w+)*")

# The answer changes with the time of asking.
_TIME_SENSITIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|right now|at the moment|currently|latest|newest|recent|recently|"
    r"breaking news|live (?:scores?|results?|streams?|updates?|feeds?|traffic)|"
    r"this (?:morning|afternoon|evening|week|weekend|month|quarter|year)|"
    r"(?:last|next) (?:night|week|weekend|month|quarter|year)|"
    r"current (?:president|prime minister|chancellor|ceo|champion|record|price|rate|status|time|date|weather|"
    r"temperature|version|population|score|leader|king|queen|pope|government|interest|inflation|exchange)|"
    r"what time is it|what(?:'s| is) the (?:time|date|weather)|"
    r"(?:stock|share|bitcoin|gold|oil) price|exchange rate|weather forecast|news)\b",
    re.IGNORECASE,
)
# The answer is in the caller's own records, which change: where is my order, what do I owe.
_PERSONAL = re.compile(
    r"^(?:(?:please|can you|could you|hi|hello|hey)[,\s]+)*(?:tell me |check |show me |show |list |look up )?"
    r"(?:where(?:'s| is| are)|when (?:will|does|is|are)|what(?:'s| is| are| was)|how much (?:is|are|do i|did i)|"
    r"how many|is|are|has|have|did|does|was|which|check|show|list|track|cancel|change|update|delete|send|book|order)\b"
    r"[^.?!]{0,200}\b(?:my|our|i|we)\b[^.?!]{0,200}\b(?:order|orders|balance|account|invoice|invoices|bill|bills|payment|payments|"
    r"parcel|package|delivery|refund|booking|reservation|appointment|appointments|subscription|ticket|tickets|claim|"
    r"statement|transactions?|calendar|schedule|inbox|email|emails|message|messages|owe|name|address|birthday|salary)\b",
    re.IGNORECASE,
)
# The question points at something said before: as a whole, or by a word that stands for it.
_REFERRING = re.compile(
    r"^(?:and|or|but|also|what about|how about|why not)\b|"
    r"\b(?:that one|this one|the other \w+|above|previous|earlier|go on|continue)\b|"
    r"\b(?:the (?:first|second|third|last|next|other|same|former|latter)(?: one)?|more|again|else|instead|too|as well)"
    r"\W*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:it|them|those|these)\b", re.IGNORECASE)
# What a pronoun may stand for: something named in a clause before it.
_ANTECEDENT = re.compile(r"\b(?:my|our|a|an|the)\s+\w+[^.,;:!?]*[.,;:!?]\s", re.IGNORECASE)
_LONGEST_REFERRING = 8


@dataclass(frozen=True, slots=True)
class Eligibility:
    """What may be done with one request: look for the very same one, look for a like one, keep the answer.

    `reason` says in a word what stands in the way; it is empty where nothing does.
    """

    exact: bool
    semantic: bool
    store: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallerHints:
    """What the caller asks of the cache by headers; each can only make it stricter."""

    no_store: bool = False
    no_cache: bool = False
    max_age: float | None = None
    ttl_seconds: int | None = None
    threshold: float | None = None


def caller_hints(headers: Mapping[str, str]) -> CallerHints:
    """Read Cache-Control (RFC 9111, section 5.2.1), x-vsr-cache-ttl and x-vsr-cache-threshold.

    Header names are lower case. A value that is no number is passed over.
    """
    control = headers.get("cache-control", "")
    directives = {}
    for part in control.lower().split(",") if control else ():
        name, _, value = part.strip().partition("=")
        directives[name] = value.strip('"')
    if headers.get("pragma", "").lower() == "no-cache" and not control:
        directives["no-cache"] = ""
    ttl = _number(headers.get("x-vsr-cache-ttl"))
    return CallerHints(
        no_store="no-store" in directives,
        no_cache="no-cache" in directives,
        max_age=_number(directives.get("max-age")),
        ttl_seconds=None if ttl is None else int(ttl),
        threshold=_number(headers.get("x-vsr-cache-threshold")),
    )


def eligibility(
    protocol: str, body: Mapping[str, Any], question: str | None, hints: CallerHints, languages: tuple[str, ...]
) -> Eligibility:
    """Decide what the cache may do with a request. `question` is `keys.query_text` of the body."""
    if hints.no_store:
        return Eligibility(exact=False, semantic=False, store=False, reason="no-store")
    # What is to be done with a long text stands before or after it.
    edges = question if question is None or len(question) <= LONGEST else question[:_EDGE] + "\n" + question[-_EDGE:]
    if edges is not None and _TIME_SENSITIVE.search(edges):
        return Eligibility(exact=False, semantic=False, store=False, reason="time-sensitive")
    if edges is not None and _PERSONAL.search(edges):
        return Eligibility(exact=False, semantic=False, store=False, reason="personal")
    read = not hints.no_cache
    reason = _exact_only(protocol, body, question, languages)
    return Eligibility(exact=read, semantic=read and not reason, store=True, reason=reason)


def _exact_only(protocol: str, body: Mapping[str, Any], question: str | None, languages: tuple[str, ...]) -> str:
    """Return why only the very same request may be answered from the cache; empty where a like one may, too."""
    if question is None:
        return "no-question"
    if len(question) > LONGEST:
        return "long"
    for field in ("tools", "functions", "seed", "logprobs", "top_logprobs", "logit_bias", "audio", "modalities"):
        if body.get(field):
            return field
    if protocol == "responses" and (body.get("previous_response_id") or body.get("conversation")):
        return "conversation"
    if body.get("seed") == 0:
        return "seed"
    choices = body.get("n")
    if choices is not None and choices != 1:
        return "n"
    temperature = body.get("temperature")
    if isinstance(temperature, int | float) and temperature > MAX_TEMPERATURE:
        return "temperature"
    messages = body.get("input" if protocol == "responses" else "messages")
    turns = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
    if any(message.get("tool_calls") or message.get("role") in ("tool", "function") for message in turns):
        return "tool-results"
    if any(_has_media(message.get("content")) for message in turns):
        return "media"
    if any(message.get("role") == "assistant" for message in turns):
        # In a conversation the question's meaning hangs on what was said, which similarity does not see.
        return "conversation"
    if language_of(question) not in languages:
        return "language"
    words = [word.lower() for word in _WORD.findall(question)]
    # What's is two words.
    if len(words) + question.count("'") + question.count("’") < MIN_WORDS or all(
        word in LEXICON.function_words for word in words
    ):
        return "short"
    if len(words) <= _LONGEST_REFERRING and _refers(question):
        return "referring"
    return ""


def _refers(question: str) -> bool:
    """Whether a question points at something that it does not name."""
    if _REFERRING.search(question):
        return True
    pronoun = _PRONOUN.search(question)
    return pronoun is not None and not _ANTECEDENT.search(question[: pronoun.start()])


def refusal(protocol: str, status: int, answer: Any, wanted: object = 1) -> str:
    """Return why an answer must not be kept, or an empty string where it may. `wanted` is the request's `n`.

    Only a complete answer with a terminal finish is kept: never an error, a cut stream, or one that ended by length
    or by a content filter.
    """
    if not 200 <= status < 300 or not isinstance(answer, dict) or answer.get("error"):
        return "error"
    if protocol == "responses":
        return "" if answer.get("status") == "completed" else "incomplete"
    if protocol == "messages":
        return "" if answer.get("stop_reason") in ("end_turn", "tool_use", "stop_sequence") else "incomplete"
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) < (wanted if isinstance(wanted, int) and wanted > 0 else 1):
        # A stream may break off after one choice and before the next has begun.
        return "incomplete"
    for choice in choices:
        if not isinstance(choice, dict) or choice.get("finish_reason") not in ("stop", "tool_calls", "function_call"):
            return "incomplete"
        message = choice.get("message")
        if isinstance(message, dict):
            if message.get("refusal"):
                return "refused"
            if not message.get("content") and not message.get("tool_calls") and not message.get("function_call"):
                return "empty"
        elif not choice.get("text"):
            return "empty"
    return ""


def has_tool_calls(response: bytes) -> bool:
    """Whether an answer calls a tool; such an answer is for the very same request only."""
    if b"_call" not in response and b'"tool_use"' not in response:
        return False
    answer = orjson.loads(response)
    if answer.get("stop_reason") == "tool_use" or any(_is_call(item) for item in answer.get("output") or ()):
        return True
    messages = [choice.get("message") for choice in answer.get("choices") or () if isinstance(choice, dict)]
    return any(
        bool(message.get("tool_calls") or message.get("function_call"))
        for message in messages
        if isinstance(message, dict)
    )


def _is_call(item: Any) -> bool:
    """Whether an output item of the responses protocol is a call, of whatever tool."""
    return isinstance(item, dict) and str(item.get("type")).endswith("_call")


def _has_media(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") not in ("text", "input_text", "output_text", "refusal")
        for part in content
    )


def _number(text: str | None) -> float | None:
    """Return a finite number that is not negative, or None."""
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None
