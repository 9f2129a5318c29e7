"""Which language a text is in, as far as the guard has to know.

A language is told by its function words; a text without any, or with as many of another language's, is in none.
English, which the guard knows, is told with more care: being wrong there costs a hit, not a wrong answer. The others
count only where a configuration names them.
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
_FOREIGN = {language: words - _ENGLISH for language, words in _WORDS.items() if language != "en"}
_OTHERS = frozenset().union(*_FOREIGN.values())


@lru_cache(maxsize=4096)
def language_of(text: str) -> str:
    """Return the ISO 639-1 code of English or of one of the languages in languages.yaml, `und` (undetermined) else."""
    # What's is what, l'eau is l.
    words = [re.split("['’]", word.lower(), maxsplit=1)[0] for word in _WORD.findall(text)]
    english = sum(1 for word in words if word in _ENGLISH)
    others = sum(1 for word in words if word in _OTHERS)
    letters = [letter for letter in text if letter.isalpha() and not letter.isascii()]
    if any(not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in letters):
        return "und"
    if english > others:
        return "en"
    counts = sorted(
        ((sum(1 for word in words if word in known), code) for code, known in _FOREIGN.items()), reverse=True
    )
    (most, code), (next_most, _) = counts[:2]
    return code if most > max(next_most, english) else "und"
