"""The rules, one function each: the difference that objects, in words, or an empty string."""

from collections.abc import Callable

from semantic_router_proxy.cache.guard.asking import same_kind, same_modality, same_tense
from semantic_router_proxy.cache.guard.lexicon import LEXICON
from semantic_router_proxy.cache.guard.roles import persons, roles
from semantic_router_proxy.cache.guard.words import Reading, difference, stem

Rule = Callable[[Reading, Reading], str]

# After these words the order of things is the question: "from A to B" is not "from B to A".
_RELATIONS = frozenset({
    "to", "from", "into", "than", "before", "after", "over", "under", "if", "unless", "while", "because", "during",
})  # fmt: skip

_DIFFER = stem("differ")


def _numbers(question: Reading, candidate: Reading) -> str:
    """Numbers, dates, versions and amounts with their units are equal."""
    if question.numbers == candidate.numbers:
        return ""
    return f"{' '.join(question.numbers) or 'none'} / {' '.join(candidate.numbers) or 'none'}"


def _negation(question: Reading, candidate: Reading) -> str:
    """Both deny an odd number of times, or both an even one."""
    if question.negations % 2 == candidate.negations % 2:
        return ""
    return f"{question.negations} / {candidate.negations} negations"


def _antonyms(question: Reading, candidate: Reading) -> str:
    """No word stands opposite to its contrary."""
    only_question = set(question.tokens) - set(candidate.tokens)
    only_candidate = set(candidate.tokens) - set(question.tokens)
    others = only_candidate | {stem(word) for word in only_candidate}
    for word in only_question:
        opposites = LEXICON.antonyms.get(word) or LEXICON.antonyms.get(stem(word)) or frozenset()
        for opposite in opposites & others:
            return f"{word} / {opposite}"
    return ""


def _identifiers(question: Reading, candidate: Reading) -> str:
    """Names from code, options and paths are equal to the letter."""
    if question.identifiers == candidate.identifiers:
        return ""
    return _sides(question.identifiers - candidate.identifiers, candidate.identifiers - question.identifiers)


def _names(question: Reading, candidate: Reading) -> str:
    """A name in one question stands in the other as well, in whatever capitals."""
    words_question, words_candidate = set(question.tokens), set(candidate.tokens)
    missing = {name for name in question.names if not _stands_in(name, words_candidate)}
    surplus = {name for name in candidate.names if not _stands_in(name, words_question)}
    return _sides(missing, surplus) if missing or surplus else ""


def _stands_in(name: str, words: set[str]) -> bool:
    return name in words or stem(name) in {stem(word) for word in words}


def _content(question: Reading, candidate: Reading) -> str:
    """No word that carries meaning stands in one question only."""
    only_question, only_candidate = difference(question, candidate)
    if not only_question and not only_candidate:
        return ""
    return _sides(set(only_question), set(only_candidate))


def _order(question: Reading, candidate: Reading) -> str:
    """What follows a word of relation is the same: from A to B, not from B to A."""
    related_question, related_candidate = _related(question), _related(candidate)
    for relation in related_question.keys() & related_candidate.keys():
        left, right = related_question[relation], related_candidate[relation]
        if left.isdisjoint(right):
            return f"{relation} {' '.join(sorted(left))} / {relation} {' '.join(sorted(right))}"
    return ""


def _related(reading: Reading) -> dict[str, set[str]]:
    """Return the words of content that follow each word of relation at once."""
    related: dict[str, set[str]] = {}
    open_relation, found = "", False
    for token in reading.phrased:
        if token in _RELATIONS:
            open_relation, found = token, False
        elif token not in LEXICON.function_words:
            if open_relation:
                related.setdefault(open_relation, set()).add(stem(token))
                found = True
        elif found:
            open_relation = ""
    return related


def _sides(left: set[str] | frozenset[str], right: set[str] | frozenset[str]) -> str:
    return f"{' '.join(sorted(left)) or 'nothing'} / {' '.join(sorted(right)) or 'nothing'}"


def _kind(question: Reading, candidate: Reading) -> str:
    """Both want the same kind of answer: when is not where, was is not is, may is not must."""
    one, other = question.asking, candidate.asking
    if not same_kind(one, other) and not _both_compare(question, candidate):
        return f"{one.kind} {one.noun}".rstrip() + f" / {other.kind} {other.noun}".rstrip()
    if not same_tense(one, other):
        return f"{one.tense} / {other.tense}"
    if not same_modality(one, other):
        return f"{one.modality or 'is'} / {other.modality or 'is'}"
    return ""


def _both_compare(question: Reading, candidate: Reading) -> bool:
    """Whether both ask for a difference: how do they differ, what is the difference."""
    kinds = {question.asking.kind, candidate.asking.kind}
    return kinds == {"how", "what"} and _DIFFER in question.content and _DIFFER in candidate.content


RULES: tuple[tuple[str, Rule], ...] = (
    ("numbers", _numbers),
    ("negation", _negation),
    ("antonyms", _antonyms),
    ("identifiers", _identifiers),
    ("names", _names),
    ("kind", _kind),
    ("content", _content),
    ("order", _order),
    ("roles", roles),
    ("persons", persons),
)
