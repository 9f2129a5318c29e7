"""A decision's system prompt in a request."""

from typing import Any

import pytest

from semantic_router_proxy.config.routing import SystemPrompt
from semantic_router_proxy.routing.prompts import with_system_prompt

USER = {"role": "user", "content": "q"}
OWN = {"role": "system", "content": "own"}


@pytest.mark.parametrize(
    ("protocol", "mode", "body", "expected"),
    [
        ("chat", "replace", {"messages": [USER]}, {"messages": [{"role": "system", "content": "P"}, USER]}),
        ("chat", "replace", {"messages": [OWN, USER]}, {"messages": [{"role": "system", "content": "P"}, USER]}),
        (
            "chat",
            "insert",
            {"messages": [OWN, USER]},
            {"messages": [{"role": "system", "content": "P\n\nown"}, USER]},
        ),
        (
            "chat",
            "insert",
            {"messages": [{"role": "developer", "content": [{"type": "text", "text": "own"}]}]},
            {
                "messages": [
                    {"role": "developer", "content": [{"type": "text", "text": "P"}, {"type": "text", "text": "own"}]}
                ]
            },
        ),
        ("responses", "replace", {"input": "q"}, {"input": "q", "instructions": "P"}),
        ("responses", "insert", {"instructions": "own"}, {"instructions": "P\n\nown"}),
        ("messages", "insert", {"system": "own"}, {"system": "P\n\nown"}),
        ("messages", "replace", {"system": [{"type": "text", "text": "own"}]}, {"system": "P"}),
        ("completions", "replace", {"prompt": "q"}, {"prompt": "q"}),
    ],
)
def test_each_protocol_has_its_place(protocol: str, mode: Any, body: dict[str, Any], expected: Any) -> None:
    before = repr(body)
    assert with_system_prompt(protocol, body, SystemPrompt(system_prompt="P", mode=mode)) == expected
    assert repr(body) == before
    assert with_system_prompt(protocol, body, None) is body
