"""Whether a text is in a language that the guard may judge.

English is told by its function words; a text without any, or with as many of another language's, is not taken for
English. Being wrong in that direction costs a hit, not a wrong answer.
"""

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

import yaml

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in yaml.safe_load(
        files("semantic_router_proxy.cache.guard").joinpath("data/languages.yaml").read_text(encoding="utf-8")
    ).items()
}
_ENGLISH = _WORDS["en"]
_OTHERS = frozenset().union(*(words for language, words in _WORDS.items() if language != "en")) - _ENGLISH


@lru_cache(maxsize=4096)
def language_of(text: str) -> str:
    """Return `en`, or `und` (undetermined) for everything else."""
    # What's is what, l'eau is l.
    words = [re.split("['’]", word.lower(), maxsplit=1)[0] for word in _WORD.findall(text)]
    english = sum(1 for word in words if word in _ENGLISH)
    others = sum(1 for word in words if word in _OTHERS)
    if english == 0 or others >= english:
        return "und"
    letters = [letter for letter in text if letter.isalpha() and not letter.isascii()]
    foreign = any(not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in letters)
    return "und" if foreign else "en"
