"""The guard's word lists, read once from `data/english.yaml`."""

from dataclasses import dataclass
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Lists by what they are for. `synonyms` maps a word to the head of its group, `antonyms` a word to its opposites,
    `phrases` are (text with spaces around it, replacement), `spellings` (text, replacement), longest first."""

    function_words: frozenset[str]
    negations: frozenset[str]
    numbers: dict[str, str]
    units: dict[str, str]
    currencies: dict[str, str]
    synonyms: dict[str, str]
    antonyms: dict[str, frozenset[str]]
    phrases: tuple[tuple[str, str], ...]
    spellings: tuple[tuple[str, str], ...]
    known: frozenset[str]


def without_inflection(word: str) -> str:
    """Return the word without the endings of English plurals, participles and gerunds."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)]
            if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
                return base[:-1]
            return base.removesuffix("e")
    if word.endswith("es") and word[-3] in "sxzh":
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1].removesuffix("e")
    return word.removesuffix("e")


def load_lexicon() -> Lexicon:
    """Read the lists."""
    data = yaml.safe_load(files(__package__).joinpath("data/english.yaml").read_text(encoding="utf-8"))
    synonyms: dict[str, str] = {}
    for group in data["synonyms"]:
        words = group.split()
        for word in words:
            synonyms[word] = without_inflection(words[0])
            synonyms.setdefault(without_inflection(word), without_inflection(words[0]))
    antonyms: dict[str, set[str]] = {}
    for pair in data["antonyms"]:
        left, right = (side.split("/") for side in pair.split())
        for one in left:
            antonyms.setdefault(one, set()).update(right)
        for one in right:
            antonyms.setdefault(one, set()).update(left)
    phrases: list[tuple[str, str]] = [(f" {phrase} ", " ") for phrase in data["framing"]]
    phrases += [(f" {phrase} ", f" {single} ") for phrase, single in data["phrasal_verbs"].items()]
    known = set(synonyms) | set(antonyms) | set(data["known"].split())
    return Lexicon(
        function_words=frozenset(" ".join(data["function_words"]).split()),
        negations=frozenset(data["negations"].split()),
        numbers={word: str(value) for word, value in data["numbers"].items()},
        units={word: unit for unit, words in data["units"].items() for word in words.split()},
        currencies=dict(data["currencies"]),
        synonyms=synonyms,
        antonyms={word: frozenset(others) for word, others in antonyms.items()},
        phrases=tuple(sorted(phrases, key=lambda item: -len(item[0]))),
        spellings=tuple(sorted(data["spellings"].items(), key=lambda item: -len(item[0]))),
        known=frozenset(known),
    )


LEXICON = load_lexicon()
