"""Questions as many as a run needs, each like no other, and their requests."""

import json

WORDS = (
    *("river", "mountain", "engine", "compiler", "garden", "planet", "violin", "contract", "recipe", "bridge"),
    *("harbour", "lantern", "novel", "theorem", "cable", "protein", "market", "castle", "forest", "satellite"),
)
CHAT = "/v1/chat/completions"


def question(number: int) -> str:
    """Return a question that is like no other: three words in an order of its own."""
    size = len(WORDS)
    first, second, third = number % size, number // size % size, number // size // size % size
    story = f"the {WORDS[third]} story" + (f" of volume {number // size**3}" if number >= size**3 else "")
    return f"Explain how a {WORDS[first]} relates to a {WORDS[second]} inside {story}"


def body(text: str, model: str = "auto", *, stream: bool = False, **fields: object) -> bytes:
    messages = [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": text}]
    return json.dumps({"model": model, "messages": messages, "temperature": 0.5, "stream": stream, **fields}).encode()
