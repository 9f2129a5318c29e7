"""Slips of the keyboard: an unknown word that is one slip away from a known word of the other question."""

import re
from collections.abc import Iterable
from functools import lru_cache

from semantic_router_proxy.cache.guard.lexicon import LEXICON, without_plain_inflection

_SHORTEST = 3


@lru_cache(maxsize=8192)
def may_be_slip(word: str) -> bool:
    """Whether a word is one that no list knows. Pieces of code and numbers are not words."""
    if len(word) < _SHORTEST or not word.isalpha() or not word.isascii() or word in LEXICON.known:
        return False
    base = without_plain_inflection(word)
    return not any(form in LEXICON.known for form in (base, base + "e", base + "y"))


@lru_cache(maxsize=8192)
def as_function_word(word: str) -> str:
    """Return the one function word that an unknown word is a slip of (frm, mayn); else the word."""
    found = [other for other in _FUNCTION_WORDS.get(word[0], ()) if is_slip(word, other)]
    return found[0] if len(found) == 1 else word


def corrections(unknown: Iterable[str], other: Iterable[str]) -> dict[str, str]:
    """Return the words of the other question that the unknown words of this one are slips of.

    Two words that are both unknown may be two names: there only swapped and doubled letters are a slip.
    """
    words = [word for word in other if len(word) >= _SHORTEST]
    found = {}
    for word in unknown:
        twin = next(
            (
                one
                for one in words
                if is_slip(word, one) and (not may_be_slip(one) or sorted(set(word)) == sorted(set(one)))
            ),
            None,
        )
        if twin is not None:
            found[word] = twin
    return found


def corrected(text: str, replaced: dict[str, str]) -> str:
    """Return the text with the words replaced."""
    pattern = r"\b(?:" + "|".join(map(re.escape, replaced)) + r")\b"
    return re.sub(pattern, lambda match: replaced[match.group(0).lower()], text, flags=re.IGNORECASE)


def is_slip(word: str, known: str) -> bool:
    """Whether a word is the known one with a letter more, less or wrong, or with two swapped."""
    if word[0] != known[0] or max(len(word), len(known)) < 4:
        return False
    if len(word) == len(known):
        wrong = [place for place in range(len(word)) if word[place] != known[place]]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            return word[wrong[0]] == known[wrong[1]] and word[wrong[1]] == known[wrong[0]]
        return len(wrong) == 1
    if abs(len(word) - len(known)) != 1:
        return False
    shorter, longer = sorted((word, known), key=len)
    place = next((at for at, letter in enumerate(shorter) if longer[at] != letter), len(shorter))
    return shorter[place:] == longer[place + 1 :]


_FUNCTION_WORDS: dict[str, list[str]] = {}
for _word in sorted(LEXICON.function_words | LEXICON.negations):
    if len(_word) >= _SHORTEST and _word.isalpha():
        _FUNCTION_WORDS.setdefault(_word[0], []).append(_word)
