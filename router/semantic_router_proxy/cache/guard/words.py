"""Reading a question: its tokens, numbers, names, and the words that carry its content."""

import re
from dataclasses import dataclass
from functools import lru_cache

from semantic_router_proxy.cache.guard.asking import Asking, asking
from semantic_router_proxy.cache.guard.lexicon import LEXICON, without_inflection
from semantic_router_proxy.cache.guard.spelling import as_function_word, may_be_slip

_TOKEN = re.compile(
    r"""
    [$€£¥]?\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th)?%?(?![A-Za-z\d])  # numbers, versions, dates, times, money, per cent
    | [$€£¥]?\d+(?:[.,]\d+)*[A-Za-z]+                          # numbers with a unit: 10kg, 5GB, 100mph
    | [A-Za-z_][\w.]*\([^()]*\)                              # calls: foo(), os.path.join(a)
    | (?:[A-Za-z]:)?[\w.-]*[/\\][\w./\\-]+                   # paths
    | (?<![\w-])--?[A-Za-z][\w-]+                            # options: --force
    | C\+\+ | C\# | F\# | \.NET
    | [^\W\d_]+(?:['’][^\W\d_]+)*                            # words, with apostrophes
    | \w+
    """,
    re.VERBOSE,
)
_IDENTIFIER = re.compile(r"[A-Za-z]+_\w+|_\w+|[a-z]+[A-Z]\w*|\w+\.\w+\S*|\S+\(.*\)|\S*[/\\]\S+|--?[A-Za-z][\w-]+")
_NUMBER = re.compile(r"([$€£¥]?)(\d[\d.,:/-]*)(st|nd|rd|th)?(%?)\s*([A-Za-z]*)$")
_THOUSANDS = re.compile(r"^\d{1,3}(,\d{3})+(\.\d+)?$")


@dataclass(frozen=True, slots=True)
class Reading:
    """A question taken apart.

    `tokens` are lower-case words in order; `numbers` are normalised, in order; `content` are the stems that carry
    meaning, in order; `unknown` are words that may be misspelt; `asking` is the kind of answer that is wanted; `names`
    are lower-case names and acronyms; `identifiers` are pieces of code, as written.
    """

    text: str
    tokens: tuple[str, ...]
    numbers: tuple[str, ...]
    negations: int
    content: tuple[str, ...]
    unknown: frozenset[str]
    names: frozenset[str]
    identifiers: frozenset[str]
    asking: Asking


# After these words 's is a verb, elsewhere a possessive.
_BEFORE_IS = frozenset({"what", "who", "where", "when", "how", "why", "that", "there", "it", "here"})
# Longer texts are read anew each time, so that the readings that are kept stay small.
_KEPT_LENGTH = 1000


def read(text: str) -> Reading:
    """Take a question apart."""
    return _read_and_keep(text) if len(text) <= _KEPT_LENGTH else _read(text)


def _read(text: str) -> Reading:
    raw = [match.group(0) for match in _TOKEN.finditer(_expand(text))]
    tokens: list[str] = []
    numbers: list[str] = []
    names: set[str] = set()
    identifiers: set[str] = set()
    position = 0
    while position < len(raw):
        piece = raw[position]
        position += 1
        word = piece.lower().strip("'")
        if piece.islower() and may_be_slip(word):
            word = as_function_word(word)
        number = _number(piece) or _number_word(word, raw, position)
        if number is not None:
            unit, taken = _unit(raw, position) if number.isdigit() else ("", 0)
            numbers.append(number + unit)
            position += taken
            continue
        if _IDENTIFIER.fullmatch(piece):
            identifiers.add(piece)
        base = word.removesuffix("'s")
        tokens.append(base)
        if base != word and base in _BEFORE_IS:
            tokens.append("is")
        word = base
        if _is_name(piece, position - 1, raw):
            names.add(word)
    phrased = _without_phrases(tokens)
    asked = asking(phrased)
    carrying = [word for word in phrased if word not in LEXICON.function_words and word != asked.noun]
    return Reading(
        text=text,
        tokens=tuple(tokens),
        numbers=tuple(numbers),
        negations=sum(1 for word in tokens if word in LEXICON.negations or word.endswith("n't")),
        content=tuple(stem(word) for word in carrying),
        unknown=frozenset(word for word in tokens if may_be_slip(word)),
        names=frozenset(names),
        identifiers=frozenset(identifiers),
        asking=asked,
    )


_read_and_keep = lru_cache(maxsize=4096)(_read)
forget_readings = _read_and_keep.cache_clear


def stem(word: str) -> str:
    """Return the word without its inflection, and the head of its group of synonyms where it has one."""
    base = LEXICON.synonyms.get(word)
    if base is not None:
        return base
    if not word.isascii() or len(word) < 4:
        return word
    reduced = without_inflection(word)
    return LEXICON.synonyms.get(reduced, reduced)


def difference(left: Reading, right: Reading) -> tuple[list[str], list[str]]:
    """Return the stems of each side that the other lacks."""
    only_left = [word for word in dict.fromkeys(left.content) if word not in right.content]
    only_right = [word for word in dict.fromkeys(right.content) if word not in left.content]
    return only_left, only_right


def _expand(text: str) -> str:
    """Write contractions and words of several spellings in one way."""
    result = text.replace("’", "'")
    lowered = result.lower()
    for spelling, replacement in LEXICON.spellings:
        if spelling in lowered:
            result = re.sub(re.escape(spelling), replacement, result, flags=re.IGNORECASE)
            lowered = result.lower()
    return result


def _number(piece: str) -> str | None:
    """Return a number in its normal form (value, currency or unit), or None for another token."""
    match = _NUMBER.fullmatch(piece)
    if match is None:
        return None
    currency, digits, _, percent, unit = match.groups()
    digits = digits.rstrip(".,:/-")
    if _THOUSANDS.match(digits):
        digits = digits.replace(",", "")
    if unit and unit.lower() not in LEXICON.units and not currency:
        return None
    scale = {"k": 1_000, "m": 1_000_000, "bn": 1_000_000_000}.get(unit.lower()) if currency else None
    if scale and digits.replace(".", "", 1).isdigit():
        digits, unit = f"{float(digits) * scale:g}", ""
    if digits.replace(".", "", 1).isdigit() and digits.count(".") == 1 and "." in digits:
        digits = digits.rstrip("0").rstrip(".") if currency else digits
    if digits.isdigit():
        digits = digits.lstrip("0") or "0"
    sign = LEXICON.currencies.get(currency, currency) or ("%" if percent else "")
    return f"{digits}{sign}{LEXICON.units.get(unit.lower(), '')}"


def _number_word(word: str, raw: list[str], following: int) -> str | None:
    """Return the value of a number that is written out, or None.

    `one` and `second` are numbers in "one month" and "second child", not in "this one" and "a second ago".
    """
    value = LEXICON.numbers.get(word)
    if value is not None and word in ("one", "second"):
        after = raw[following].lower() if following < len(raw) else ""
        return value if after.isalpha() and after not in LEXICON.function_words else None
    return value


def _unit(raw: list[str], following: int) -> tuple[str, int]:
    """Return the unit after a number and how many tokens it takes. An age is a bare number: 18 years old."""
    words = [word.lower() for word in raw[following : following + 2]]
    unit = LEXICON.units.get(words[0], "") if words else ""
    if unit == "year" and words[1:] == ["old"]:
        return "", 2
    return (unit, 1) if unit else ("", 0)


def _is_name(piece: str, position: int, raw: list[str]) -> bool:
    """Whether the writing marks a name: capitals inside a sentence, an acronym, letters mixed with digits."""
    if piece.lower() in LEXICON.function_words or not piece[:1].isalpha():
        return False
    if len(piece) > 1 and piece.isupper():
        return not all(other.isupper() for other in raw if other.isalpha())
    if any(letter.isdigit() for letter in piece):
        return True
    return position > 0 and piece[:1].isupper() and not all(other[:1].isupper() for other in raw if other.isalpha())


def _without_phrases(tokens: list[str]) -> list[str]:
    """Replace set phrases: those that only frame a question ("I was wondering if") by nothing."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        for words, replacement in LEXICON.phrases.get(tokens[position], ()):
            if tuple(tokens[position : position + len(words)]) == words:
                result += replacement
                position += len(words)
                break
        else:
            result.append(tokens[position])
            position += 1
    return result
