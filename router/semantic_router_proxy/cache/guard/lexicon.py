"""The guard's word lists, read once from `data/`."""

from dataclasses import dataclass
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Lists by what they are for.

    `synonyms` maps a word to the head of its group, `antonyms` a word to its opposites; `phrases` are by their
    first two words (words, their replacement), `spellings` (text, replacement), the longest first. `fillers` open a
    question without being part of it, `commands` say at the beginning of a text that the rest is asked for;
    `degrees` follow `how`, `asked_nouns` follow `which` without saying more than the question says, `measures` are
    what `how much` asks for and `counts` those among them that it says itself; `main_verbs` are function words that
    carry a question after `how do I`. `contrasts` gives the lists of words that exclude one another by the stem of
    each, `telling` words tell two questions apart when only one has them; `known` words are spelt right.
    """

    function_words: frozenset[str]
    negations: frozenset[str]
    numbers: dict[str, str]
    units: dict[str, str]
    currencies: dict[str, str]
    synonyms: dict[str, str]
    antonyms: dict[str, frozenset[str]]
    phrases: dict[tuple[str, ...], tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]]
    fillers: frozenset[str]
    degrees: frozenset[str]
    asked_nouns: frozenset[str]
    measures: frozenset[str]
    counts: frozenset[str]
    main_verbs: frozenset[str]
    commands: frozenset[str]
    spellings: tuple[tuple[str, str], ...]
    contrasts: dict[str, frozenset[int]]
    telling: frozenset[str]
    known: frozenset[str]


def without_inflection(word: str) -> str:
    """Return the word without the endings of English plurals, participles, gerunds and common derivations."""
    word = without_plain_inflection(word)
    for ending, least in _DERIVATIONS:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return word.removesuffix(ending).removesuffix("e")
    return word


# Endings that make an adverb or the noun of a deed: the question is the same. Endings that name another party
# (employer, employee) or turn a meaning (-less, -able) are not among them.
_DERIVATIONS = (("ment", 4), ("ation", 4), ("ition", 4), ("tion", 5), ("ally", 4), ("ly", 4), ("al", 6), ("y", 5))


def without_plain_inflection(word: str) -> str:
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
    phrases: dict[tuple[str, ...], list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    replaced = dict.fromkeys(data["framing"], "") | dict.fromkeys(data["manner"], "how") | data["phrases"]
    for phrase, replacement in replaced.items():
        words = tuple(phrase.split())
        phrases.setdefault(words[:2], []).append((words, tuple(replacement.split())))
    words = files(__package__).joinpath("data/words.txt").read_text(encoding="utf-8").splitlines()
    contrasts: dict[str, set[int]] = {}
    for number, line in enumerate(data["contrasts"]):
        for word in line.split():
            contrasts.setdefault(_reduced(word, synonyms), set()).add(number)
    known = set(synonyms) | set(antonyms) | set(data["known"].split())
    known.update(word for line in words if not line.startswith("#") for word in line.split())
    return Lexicon(
        function_words=frozenset(" ".join(data["function_words"]).split()),
        negations=frozenset(data["negations"].split()),
        numbers={word: str(value) for word, value in data["numbers"].items()},
        units={word: unit for unit, words in data["units"].items() for word in words.split()},
        currencies=dict(data["currencies"]),
        synonyms=synonyms,
        antonyms={word: frozenset(others) for word, others in antonyms.items()},
        phrases={first: tuple(sorted(entries, key=lambda entry: -len(entry[0]))) for first, entries in phrases.items()},
        fillers=frozenset(data["fillers"].split()),
        degrees=frozenset(data["degrees"].split()),
        asked_nouns=frozenset(data["asked_nouns"].split()),
        measures=frozenset(data["measures"].split()),
        counts=frozenset(data["counts"].split()),
        main_verbs=frozenset(data["main_verbs"].split()),
        commands=frozenset(data["commands"].split()),
        spellings=tuple(sorted(data["spellings"].items(), key=lambda item: -len(item[0]))),
        contrasts={word: frozenset(numbers) for word, numbers in contrasts.items()},
        telling=frozenset(_reduced(word, synonyms) for word in data["telling"].split()),
        known=frozenset(known),
    )


def _reduced(word: str, synonyms: dict[str, str]) -> str:
    reduced = without_inflection(word)
    return synonyms.get(word) or synonyms.get(reduced, reduced)


LEXICON = load_lexicon()
