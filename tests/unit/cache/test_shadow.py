"""Which hits are measured, and what of two answers is compared."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.cache.shadow import agreement, answer_text, drawn


@given(st.floats(0, 1), st.text(alphabet="0123456789abcdef", max_size=64))
def test_a_draw_is_the_same_each_time_and_grows_with_the_share(share: float, key: str) -> None:
    assert drawn(share, key, "serve") == drawn(share, key, "serve")
    if drawn(share, key, "serve"):
        assert drawn(min(1.0, share + 0.1), key, "serve")
    assert not drawn(0.0, key, "serve")
    assert drawn(1.0, key, "serve")


@pytest.mark.parametrize("share", [0.01, 0.25, 0.9])
def test_the_share_drawn_is_the_share_asked_for(share: float) -> None:
    keys = [f"{number:x}" for number in range(20_000)]
    found = sum(drawn(share, key, "serve") for key in keys) / len(keys)
    assert found == pytest.approx(share, abs=0.015)


def test_two_purposes_are_drawn_independently() -> None:
    keys = [f"{number:x}" for number in range(20_000)]
    both = sum(drawn(0.5, key, "serve") and drawn(0.5, key, "compare") for key in keys) / len(keys)
    assert both == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize(
    ("protocol", "answer", "text"),
    [
        ("chat", {"id": "1", "choices": [{"message": {"content": "Solar."}}], "usage": {"total_tokens": 5}}, "Solar."),
        ("chat", {"choices": [{"message": {"content": [{"type": "text", "text": "Solar."}]}}]}, "Solar."),
        ("chat", {"choices": [{"message": {"content": None, "tool_calls": [{}]}}]}, ""),
        ("completions", {"choices": [{"text": "Solar."}]}, "Solar."),
        ("messages", {"content": [{"type": "text", "text": "Solar."}, {"type": "tool_use"}]}, "Solar."),
        (
            "responses",
            {"output": [{"type": "reasoning"}, {"content": [{"type": "output_text", "text": "So."}]}]},
            "So.",
        ),
        ("chat", {"choices": []}, ""),
        ("chat", {"choices": "x"}, ""),
        ("chat", [], ""),
        ("chat", None, ""),
        ("responses", {}, ""),
    ],
)
def test_the_words_of_an_answer(protocol: str, answer: Any, text: str) -> None:
    assert answer_text(protocol, answer) == text


def test_agreement_is_the_cosine() -> None:
    one, other = np.float32([1, 0]), np.float32([0.6, 0.8])
    assert agreement(one, one) == pytest.approx(1.0)
    assert agreement(one, other) == pytest.approx(0.6)
