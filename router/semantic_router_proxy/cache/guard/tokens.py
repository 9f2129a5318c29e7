"""Splitting a text into tokens, and numbers into their normal form."""

import re

from semantic_router_proxy.cache.guard.lexicon import LEXICON

_TOKEN = re.compile(
    r"""
    (?<![\w.\\/$€£¥+-])[^\W\d_]++(?![\w.'’(/\\+\#-])         # most words, at once
    | (?:(?<![^\s(])[-−])?[$€£¥]?\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th)?%?(?![A-Za-z\d])  # numbers: dates, versions, money
    | [$€£¥]?\d+(?:[.,]\d+)*[A-Za-z]+                          # numbers with a unit: 10kg, 5GB, 100mph
    | (?<![\w.])[A-Za-z_][\w.]*+\([^()]*\)                        # calls: foo(), os.path.join(a)
    | (?<![\w.-])(?:[A-Za-z]:)?[\w.-]*+[/\\][\w./\\-]+              # paths
    | (?<![\w-])--?[A-Za-z][\w-]+                            # options: --force
    | [Cc]\+\+ | [CcFf]\# | \.NET
    | [A-Za-z]\w*+(?:\+\+|--) | (?:\+\+|--)[a-z]\b            # i++, --i
    | [=!<>]=+ | [<>] | => | -> | && | \|\| | (?<=[\d)])\s*[-−+*^×÷/]+\s*(?=[\d(])  # operators
    | [^\W\d_]+(?:['’][^\W\d_]+)*                            # words, with apostrophes
    | \w+
    """,
    re.VERBOSE,
)
_IDENTIFIER = re.compile(r"[A-Za-z]+_\w+|_\w+|[a-z]+[A-Z]\w*|\w+\.\w+\S*|\S+\(.*\)|\S*[/\\]\S+|--?[A-Za-z][\w-]+")
_GREETING = re.compile(r"^\s*(?:good\s+)?(?:morning|afternoon|evening)\s*[,.!:-]", re.IGNORECASE)
_OPERATOR = re.compile(r"\s*[-−+*^×÷/=!<>&|]+\s*")
_NUMBER = re.compile(r"([-−]?)([$€£¥]?)(\d[\d.,:/-]*)(st|nd|rd|th)?(%?)\s*([A-Za-z]*)$")
_THOUSANDS = re.compile(r"^\d{1,3}(,\d{3})+(\.\d+)?$")

# After these words "one" is anyone.
_BEFORE_ANYONE = frozenset({"do", "does", "can", "could", "should", "would", "must", "may", "might", "will", "did"})


def split(text: str) -> list[str]:
    """Return the tokens of a text, as written; contractions and words of several spellings are written in one way."""
    return _TOKEN.findall(_GREETING.sub("", _expand(text)))


def is_operator(token: str) -> bool:
    return _OPERATOR.fullmatch(token) is not None


def is_identifier(token: str) -> bool:
    """Whether a token is a piece of code: a call, a path, an option, a name with dots or inner capitals."""
    return _IDENTIFIER.fullmatch(token) is not None


def number(piece: str) -> str | None:
    """Return a number in its normal form (value, currency or unit), or None for another token."""
    match = _NUMBER.fullmatch(piece)
    if match is None:
        return None
    minus, currency, digits, _, percent, unit = match.groups()
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
    return f"{'-' if minus else ''}{digits}{sign}{LEXICON.units.get(unit.lower(), '')}"


def number_word(word: str, raw: list[str], following: int) -> str | None:
    """Return the value of a number that is written out, or None.

    `one` and `second` are numbers in "one month" and "second child", not in "this one", "how does one" and "a second
    ago"; "a single month" is one month.
    """
    if word not in ("one", "second", "single"):
        return LEXICON.numbers.get(word)
    before = raw[following - 2].lower() if following > 1 else ""
    after = raw[following].lower() if following < len(raw) else ""
    if word == "single":
        return "1" if before == "a" else None
    if word == "one" and before in _BEFORE_ANYONE:
        return None
    return LEXICON.numbers[word] if after.isalpha() and after not in LEXICON.function_words else None


def unit_after(raw: list[str], following: int) -> tuple[str, int]:
    """Return the unit after a number and how many tokens it takes. An age is a bare number: 18 years old."""
    words = [word.lower() for word in raw[following : following + 2]]
    unit = LEXICON.units.get(words[0], "") if words else ""
    if unit == "year" and words[1:] == ["old"]:
        return "", 2
    return (unit, 1) if unit else ("", 0)


def _expand(text: str) -> str:
    """Write contractions and words of several spellings in one way."""
    result = text.replace("’", "'")
    lowered = result.lower()
    for spelling, replacement in LEXICON.spellings:
        if spelling in lowered:
            result = re.sub(re.escape(spelling), replacement, result, flags=re.IGNORECASE)
            lowered = result.lower()
    return result
