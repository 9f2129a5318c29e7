"""Reading a question: its tokens, numbers, names, and the words that carry its content."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from semantic_router_proxy.cache.guard.lexicon import LEXICON, without_inflection

_TOKEN = re.compile(
    r"""
    [$€£¥]?\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th)?%?(?![A-Za-z])  # numbers, versions, dates, times, money, per cent
    | [$€£¥]?\d+(?:[.,]\d+)*\s?[A-Za-z]+                     # numbers with a unit: 10kg, 5 GB, 100mph
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

    `tokens` are lower-case words in order; `numbers` are normalised; `content` are the stems that carry meaning, in
    order; `names` are lower-case names and acronyms; `identifiers` are pieces of code, as written.
    """

    text: str
    tokens: tuple[str, ...]
    numbers: tuple[str, ...]
    negations: int
    content: tuple[str, ...]
    names: frozenset[str]
    identifiers: frozenset[str]


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Take a question apart."""
    raw = [match.group(0) for match in _TOKEN.finditer(_expand(text))]
    tokens: list[str] = []
    numbers: list[str] = []
    names: set[str] = set()
    identifiers: set[str] = set()
    for position, piece in enumerate(raw):
        number = _number(piece)
        if number is not None:
            numbers.append(number)
            continue
        if _IDENTIFIER.fullmatch(piece):
            identifiers.add(piece)
        word = piece.lower().replace("’", "'").removesuffix("'s").strip("'")
        value = LEXICON.numbers.get(word)
        if value is not None and not (word in ("one", "second") and not _counts(raw, position)):
            numbers.append(value)
            continue
        tokens.append(word)
        if _is_name(piece, position, raw):
            names.add(word)
    return Reading(
        text=text,
        tokens=tuple(tokens),
        numbers=tuple(sorted(numbers)),
        negations=sum(1 for word in tokens if word in LEXICON.negations or word.endswith("n't")),
        content=tuple(stem(word) for word in _without_phrases(tokens) if word not in LEXICON.function_words),
        names=frozenset(names),
        identifiers=frozenset(identifiers),
    )


def stem(word: str) -> str:
    """Return the word without its inflection, and the head of its group of synonyms where it has one."""
    base = LEXICON.synonyms.get(word)
    if base is not None:
        return base
    if not word.isascii() or len(word) < 4:
        return word
    reduced = without_inflection(word)
    return LEXICON.synonyms.get(reduced, reduced)


def difference(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return what each side has that the other lacks; a slip of the keyboard is not a difference."""
    only_left = list((Counter(left) - Counter(right)).elements())
    only_right = list((Counter(right) - Counter(left)).elements())
    only_left = [word for word in only_left if word not in right]
    only_right = [word for word in only_right if word not in left]
    for word in list(only_left):
        twin = next((other for other in only_right if misspelt(word, other)), None)
        if twin is not None:
            only_left.remove(word)
            only_right.remove(twin)
    return only_left, only_right


def misspelt(word: str, other: str) -> bool:
    """Whether one is the other with a slip: two letters swapped, or in a long word one letter more, less or wrong.

    Words that are both known are never taken for slips of one another.
    """
    if word in LEXICON.known and other in LEXICON.known:
        return False
    if word[:1] != other[:1] or min(len(word), len(other)) < 5:
        return False
    if len(word) == len(other):
        wrong = [place for place in range(len(word)) if word[place] != other[place]]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            return word[wrong[0]] == other[wrong[1]] and word[wrong[1]] == other[wrong[0]]
        return len(wrong) == 1 and len(word) >= 7 and wrong[0] > 0
    if abs(len(word) - len(other)) != 1 or min(len(word), len(other)) < 6:
        return False
    shorter, longer = sorted((word, other), key=len)
    place = next((at for at, letter in enumerate(shorter) if longer[at] != letter), len(shorter))
    return shorter[place:] == longer[place + 1 :]


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
    named = unit.lower()
    return f"{digits}{sign}{LEXICON.units.get(named, named)}"


def _counts(raw: list[str], position: int) -> bool:
    """Whether `one` or `second` is a number here: "one month", "second child"; not "this one", "a second ago"."""
    following = raw[position + 1].lower() if position + 1 < len(raw) else ""
    return following.isalpha() and following not in LEXICON.function_words


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
    """Drop set phrases that only frame a question ("I was wondering if", "what is the process for")."""
    text = f" {' '.join(tokens)} "
    for phrase, replacement in LEXICON.phrases:
        if phrase in text:
            text = text.replace(phrase, replacement)
    return text.split()
