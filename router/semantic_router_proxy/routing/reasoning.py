"""How a model family is told to reason before it answers. Pure."""

from typing import Any

from semantic_router_proxy.config.routing import ReasoningEffort
from semantic_router_proxy.config.upstreams import ModelConfig

CHAT = "/chat/completions"
_RESPONSES = "/responses"
_MESSAGES = "/messages"
# Tokens of thought in the form that Anthropic's models took before they thought as much as they see fit.
_BUDGETS: dict[ReasoningEffort, int] = {"low": 1024, "medium": 4096, "high": 16384}
_LEAST_BUDGET = 1024


def reasoning_fields(
    model: ModelConfig,
    body: dict[str, Any],
    *,
    path: str = CHAT,
    use_reasoning: bool,
    effort: ReasoningEffort | None = None,
) -> dict[str, Any]:
    """Return the fields to set in the body that goes to the provider at `path`. `effort` None: the model's own.

    What the caller says about reasoning stands. Sources: OpenAI's `reasoning_effort`, which the Responses API calls
    `reasoning.effort`; vLLM's chat template arguments `enable_thinking` (Qwen3) and `thinking` (DeepSeek V3.1);
    Anthropic's `thinking`, of the type adaptive with `output_config.effort`, or enabled with a budget.
    """
    if path == _MESSAGES:
        return _thinking(model, body, effort or model.reasoning_effort) if use_reasoning else {}
    fields = _chat_fields(model, body, use_reasoning, effort)
    if path == _RESPONSES and "reasoning_effort" in fields:
        return {"reasoning": {"effort": fields["reasoning_effort"]}}
    # Text completions have no chat template.
    return fields if path == CHAT else {}


def _chat_fields(
    model: ModelConfig, body: dict[str, Any], use_reasoning: bool, effort: ReasoningEffort | None
) -> dict[str, Any]:
    family = model.reasoning_family
    if family in ("openai", "gpt-oss"):
        if not use_reasoning or "reasoning_effort" in body or "reasoning" in body:
            return {}
        return {"reasoning_effort": effort or model.reasoning_effort}
    switch = {"qwen3": "enable_thinking", "deepseek": "thinking"}.get(family)
    if switch is None:
        return {}
    given = body.get("chat_template_kwargs")
    arguments = given if isinstance(given, dict) else {}
    return {} if switch in arguments else {"chat_template_kwargs": {**arguments, switch: use_reasoning}}


def _thinking(model: ModelConfig, body: dict[str, Any], effort: ReasoningEffort) -> dict[str, Any]:
    family = model.reasoning_family
    if family not in ("anthropic", "anthropic-budget") or "thinking" in body or not _may_think(body):
        return {}
    if family == "anthropic":
        given = body.get("output_config")
        config = given if isinstance(given, dict) else {}
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort, **config}}
    # The budget is part of the answer's limit, and has to be less.
    limit = body.get("max_tokens")
    budget = min(_BUDGETS[effort], limit - 1) if isinstance(limit, int) else _BUDGETS[effort]
    return {"thinking": {"type": "enabled", "budget_tokens": budget}} if budget >= _LEAST_BUDGET else {}


def _may_think(body: dict[str, Any]) -> bool:
    """Whether Anthropic takes the request with thinking switched on: not beside sampling settings or a forced tool,
    nor between a tool's call and its result where the call came without thoughts."""
    if any(body.get(name) not in (None, 1) for name in ("temperature", "top_p", "top_k")):
        return False
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        return False
    *earlier, last = body.get("messages") or [None]
    if not _has(last, ("tool_result",)):
        return True
    return bool(earlier) and _has(earlier[-1], ("thinking", "redacted_thinking"))


def _has(message: Any, kinds: tuple[str, ...]) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    blocks = content if isinstance(content, list) else ()
    return any(isinstance(block, dict) and block.get("type") in kinds for block in blocks)
