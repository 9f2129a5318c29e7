"""Reading a question: its tokens, numbers, names, and the words that carry its content."""

from dataclasses import dataclass
from functools import lru_cache

from semantic_router_proxy.cache.guard.asking import MEASURED, Asking, asking
from semantic_router_proxy.cache.guard.lexicon import LEXICON, without_inflection
from semantic_router_proxy.cache.guard.spelling import as_function_word, may_be_slip
from semantic_router_proxy.cache.guard.tokens import is_identifier, is_operator, number, number_word, split, unit_after


@dataclass(frozen=True, slots=True)
class Reading:
    """A question taken apart.

    `tokens` are lower-case words in order, `phrased` the same with set phrases replaced and without those that only
    frame the question; `numbers` are normalised, in order; `content` are the stems that carry meaning, in order;
    `unknown` are words that may be misspelt; `asking` is the kind of answer that is wanted; `names` are lower-case
    names and acronyms; `identifiers` are pieces of code and signs of arithmetic, as written.
    """

    text: str
    tokens: tuple[str, ...]
    phrased: tuple[str, ...]
    numbers: tuple[str, ...]
    negations: int
    content: tuple[str, ...]
    unknown: frozenset[str]
    names: frozenset[str]
    identifiers: frozenset[str]
    asking: Asking


# After these words 's is a verb, elsewhere a possessive.
_BEFORE_IS = frozenset({"what", "who", "where", "when", "how", "why", "that", "there", "it", "here"})
# Acronyms that are written like words without content when nobody presses the shift key.
_ACRONYMS = {"A": "letter-a", "US": "usa", "WHO": "who-organisation", "IT": "information-technology"}
# "How do I find", "how to find"; after "you" (can you tell me how) the verb is none of the question.
_AFTER_HOW = frozenset({"i", "we", "one", "to"})
# "How much is it" asks for the cost.
_COST = frozenset({"cost"})
# Longer texts are read anew each time, so that the readings that are kept stay small.
_KEPT_LENGTH = 1000


def read(text: str) -> Reading:
    """Take a question apart."""
    return _read_and_keep(text) if len(text) <= _KEPT_LENGTH else _read(text)


def _read(text: str) -> Reading:
    raw = split(text)
    capitals = _Capitals(raw)
    tokens: list[str] = []
    numbers: list[str] = []
    names: set[str] = set()
    identifiers: set[str] = set()
    position = 0
    while position < len(raw):
        piece = raw[position]
        position += 1
        plain = piece.isalpha()
        if plain and piece.islower():
            word = as_function_word(piece) if may_be_slip(piece) else piece
        else:
            known = capitals.acronym(piece) if position > 1 or piece != "A" else ""
            word = known or piece.lower().strip("'")
        value = number_word(word, raw, position) if plain else number(piece)
        if value is not None:
            unit, taken = unit_after(raw, position) if value.isdigit() else ("", 0)
            numbers.append(value + unit)
            position += taken
            continue
        if not plain and is_operator(piece):
            identifiers.add(piece.strip())
            continue
        if not piece.islower() or not plain:
            if is_identifier(piece):
                identifiers.add(piece)
            if capitals.name(piece, position - 1):
                names.add(word.removesuffix("'s"))
        base = word.removesuffix("'s")
        tokens.append(base)
        if base != word and base in _BEFORE_IS:
            tokens.append("is")
    phrased = _without_phrases(tokens)
    asked = asking(phrased)
    verb = _main_verb(phrased)
    carrying = [
        word
        for place, word in enumerate(phrased)
        if (_carries(word) or place == verb)
        and not _is_asked(word, asked)
        and not (place == 0 and word in LEXICON.commands)
    ]
    return Reading(
        text=text,
        tokens=tuple(tokens),
        phrased=tuple(phrased),
        numbers=tuple(numbers),
        negations=sum(1 for word in tokens if word in LEXICON.negations or _is_contracted_not(word)),
        content=tuple(stem(word) for word in carrying),
        unknown=frozenset(word for word in tokens if may_be_slip(word)),
        names=frozenset(names),
        identifiers=frozenset(identifiers),
        asking=asked,
    )


_read_and_keep = lru_cache(maxsize=4096)(_read)
forget_readings = _read_and_keep.cache_clear


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return the word without its inflection, and the head of its group of synonyms where it has one."""
    base = LEXICON.synonyms.get(word)
    if base is not None:
        return base
    if not word.isascii() or len(word) < 4:
        return word
    reduced = without_inflection(word)
    return LEXICON.synonyms.get(reduced, reduced)


def _carries(word: str) -> bool:
    """Whether a word says what is asked, not how. Plain denials (not a member, a non-member) are counted instead."""
    return word not in LEXICON.function_words and word not in ("not", "non") and not _is_contracted_not(word)


def _is_contracted_not(word: str) -> bool:
    return "'" in word and word.endswith("n't")


def _is_asked(word: str, asked: Asking) -> bool:
    """Whether the kind of answer says this word already: long in "how long", days in "how many days"."""
    return word == asked.kind[4:] or (bool(asked.noun) and word.removesuffix("s") == asked.noun)


def _main_verb(words: list[str]) -> int:
    """Return the place of a verb that carries the question though it mostly frames one: how do I find, how to show.

    -1 where there is none.
    """
    start = words.index("how") if "how" in words else len(words)
    for place in range(start + 2, len(words)):
        if words[place] in LEXICON.main_verbs and words[place - 1] in _AFTER_HOW:
            return place
    return -1


def difference(left: Reading, right: Reading) -> tuple[list[str], list[str]]:
    """Return the stems of each side that the other lacks."""
    return _lacking(left, right), _lacking(right, left)


def _lacking(one: Reading, other: Reading) -> list[str]:
    implied: frozenset[str] = frozenset()
    if other.asking.kind in MEASURED:
        implied = LEXICON.counts if one.asking.measure else implied
        implied = implied | _COST if other.asking.price else implied
    return [word for word in dict.fromkeys(one.content) if word not in other.content and word not in implied]


class _Capitals:
    """What capitals say in a text; nothing where the whole text has them."""

    def __init__(self, raw: list[str]) -> None:
        words = [piece for piece in raw if piece.isalpha()]
        self._upper = all(map(str.isupper, words))
        self._title = all(word[0].isupper() for word in words)

    def acronym(self, piece: str) -> str:
        """Return an acronym that small letters would make a common word (the US, the WHO), or an empty string."""
        return "" if self._upper or self._title else _ACRONYMS.get(piece, "")

    def name(self, piece: str, position: int) -> bool:
        """Whether the writing marks a name: capitals inside a sentence, an acronym, letters mixed with digits."""
        if not piece[0].isalpha():
            return False
        # GET and PUT are names of methods, whatever "get" is elsewhere.
        if len(piece) > 1 and piece.isupper() and piece != "OK":
            return not self._upper
        if piece.lower() in LEXICON.function_words:
            return False
        if any(map(str.isdigit, piece)):
            return True
        return position > 0 and piece[0].isupper() and not self._title


def _without_phrases(tokens: list[str]) -> list[str]:
    """Replace set phrases: those that only frame a question ("I was wondering if") by nothing."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        for words, replacement in LEXICON.phrases.get(tuple(tokens[position : position + 2]), ()):
            if tuple(tokens[position : position + len(words)]) == words:
                result += replacement
                position += len(words)
                break
        else:
            result.append(tokens[position])
            position += 1
    return result
