"""A decision's system prompt, put into a request as its protocol has it. Pure."""

from typing import Any

from semantic_router_proxy.config.routing import SystemPrompt

_ROLES = ("system", "developer")


def with_system_prompt(protocol: str, body: dict[str, Any], prompt: SystemPrompt | None) -> dict[str, Any]:
    """Return the body with the prompt in place of, or before, the caller's; the given one stays as it is.

    Completions have no place for one and are left alone.
    """
    if prompt is None or protocol == "completions":
        return body
    if protocol == "chat":
        return {**body, "messages": _in_messages(body.get("messages"), prompt)}
    key = "instructions" if protocol == "responses" else "system"
    return {**body, key: _joined(prompt, body.get(key))}


def _in_messages(messages: Any, prompt: SystemPrompt) -> list[Any]:
    given = list(messages) if isinstance(messages, list) else []
    if prompt.mode == "replace":
        given = [each for each in given if not _is_system(each)]
    elif given and _is_system(given[0]):
        # One message for both: many models' chat templates take a single system message.
        return [{**given[0], "content": _joined(prompt, given[0].get("content"))}, *given[1:]]
    return [{"role": "system", "content": prompt.system_prompt}, *given]


def _joined(prompt: SystemPrompt, given: Any) -> Any:
    if prompt.mode == "replace" or not given:
        return prompt.system_prompt
    if isinstance(given, list):
        return [{"type": "text", "text": prompt.system_prompt}, *given]
    return f"{prompt.system_prompt}\n\n{given}"


def _is_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in _ROLES
