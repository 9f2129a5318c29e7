"""How a model family is told to reason before it answers. Pure."""

from typing import Any

from semantic_router_proxy.config.routing import ReasoningEffort
from semantic_router_proxy.config.upstreams import ModelConfig

CHAT = "/chat/completions"
_RESPONSES = "/responses"


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
    `reasoning.effort`; vLLM's chat template arguments `enable_thinking` (Qwen3) and `thinking` (DeepSeek V3.1).
    """
    fields = _chat_fields(model, body, use_reasoning, effort)
    if path == _RESPONSES and "reasoning_effort" in fields:
        return {"reasoning": {"effort": fields["reasoning_effort"]}}
    # Text completions have no chat template, and Anthropic's own protocol no such field.
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
