"""The texts that both embedders are given."""

import json
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "unit" / "embedding"
REFERENCE = _FOLDER / "reference.npz"
# Stands for a text of 600 words, more than the model reads, so that truncation is compared as well.
_LONG = "REPEAT-600"


def read_texts() -> list[str]:
    texts: list[str] = json.loads((_FOLDER / "texts.json").read_text(encoding="utf-8"))
    return [" ".join(f"word{number % 7}" for number in range(600)) if text == _LONG else text for text in texts]
