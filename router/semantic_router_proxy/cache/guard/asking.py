"""What kind of answer a question wants: a person, a time, a reason, yes or no; may, must or should."""

from dataclasses import dataclass
from itertools import pairwise

from semantic_router_proxy.cache.guard.lexicon import LEXICON

_AUXILIARIES = frozenset({
    "do", "does", "did", "is", "are", "was", "were", "am", "has", "have", "had", "will", "would", "shall", "should",
    "may", "might", "must", "can", "could", "don't", "doesn't", "didn't", "isn't", "aren't", "wasn't", "weren't",
    "hasn't", "haven't", "hadn't", "won't", "wouldn't", "shouldn't",
})  # fmt: skip
# After an auxiliary these make a question of a sentence that begins with something else: at the hotel, can I ...
_SUBJECTS = frozenset({"i", "you", "we", "they", "he", "she", "it", "there"})
_BE = frozenset({"is", "are", "was", "were", "am", "isn't", "aren't", "wasn't", "weren't"})
_TENSES = {
    **dict.fromkeys(("is", "are", "am", "do", "does", "will", "isn't", "aren't", "don't", "doesn't"), "present"),
    **dict.fromkeys(("was", "were", "did", "wasn't", "weren't", "didn't"), "past"),
}
_PRICED = (["is"], ["are"], ["was"], ["were"], ["for"])
_DO = frozenset({"do", "does", "did"})
_QUESTION_WORDS = {
    "who": "who", "whom": "who", "whose": "whose", "what": "what", "which": "what", "when": "when", "where": "where",
    "why": "why", "how": "how",
}  # fmt: skip
_MODALITIES = {
    **dict.fromkeys(("can", "could", "may", "might", "allowed", "permitted", "able", "possible"), "can"),
    **dict.fromkeys(("should", "ought", "shall", "advisable", "recommended"), "should"),
    **dict.fromkeys(("must", "need", "needs", "needed", "require", "requires", "required", "necessary"), "must"),
    **dict.fromkeys(("mandatory", "compulsory", "obligatory", "obliged"), "must"),
}
# What a measure is asked by: what is the dose, how much may I take.
MEASURED = frozenset({"how many", "how much"})
_TIMES = frozenset({
    "second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months",
    "year", "years",
})  # fmt: skip
# One answer serves both kinds: a request for a thing and the question about it; how something is done.
_SAME_KIND = frozenset({
    frozenset({"what", "other"}), frozenset({"how", "other"}), frozenset({"yes-no", "request"}),
    frozenset({"request", "other"}), MEASURED,
})  # fmt: skip
_OPEN = frozenset({"who", "what", "where"})


@dataclass(frozen=True, slots=True)
class Asking:
    """`kind` is the question word, `yes-no`, `request` (can you ...) or `other`; `noun` what a `which` asks for,
    where that is a general word (which city), or the time that a `how many` counts; `measure` whether a measure is
    asked for by name (what is the dose), `price` whether the cost is without its name (how much is it); `modality`
    is can, must, should or nothing; `inverted` whether `do` stands before a subject ("who did he see", not "who saw
    him"), `bare` whether a verb follows the question word at once; `equates` whether a form of `be` opens it;
    `tense` is past, present or, where the verb itself has it, nothing."""

    kind: str
    noun: str
    measure: bool
    price: bool
    modality: str
    inverted: bool
    bare: bool
    equates: bool
    tense: str


def asking(tokens: list[str]) -> Asking:
    """Read the kind off the words of a question, in lower case and without the phrases that frame it."""
    start = next((place for place, word in enumerate(tokens) if word not in LEXICON.fillers), len(tokens))
    words = tokens[start:]
    kind, noun, place = "other", "", 0
    if words and words[0] in ("if", "whether"):
        kind = "yes-no"
    elif words and words[0] in _AUXILIARIES:
        kind = "request" if words[0] in ("can", "could", "would", "will") and words[1:2] == ["you"] else "yes-no"
    else:
        place = next((at for at, word in enumerate(words) if word in _QUESTION_WORDS), -1)
        if place >= 0:
            kind = _QUESTION_WORDS[words[place]]
            following = words[place + 1] if place + 1 < len(words) else ""
            if kind == "how" and following in LEXICON.degrees:
                kind = f"how {following}"
                counted = words[place + 2 : place + 4] if kind == "how many" else []
                if counted and counted[0] in _TIMES and "of" not in counted:
                    # How many days is how long, in days.
                    kind, noun = "how long", counted[0].removesuffix("s")
            elif kind == "what" and following in LEXICON.asked_nouns:
                noun = following
        elif any(one in _AUXILIARIES and after in _SUBJECTS for one, after in pairwise(words)):
            kind = "yes-no"
    after = words[place + (2 if noun and kind == "what" else 1) : place + 5]
    modalities = {_MODALITIES[word] for word in words if word in _MODALITIES}
    return Asking(
        kind=kind,
        noun=noun,
        measure=kind == "what" and not LEXICON.measures.isdisjoint(words[place + 1 : place + 7]),
        price=kind == "how much" and words[place + 2 : place + 3] in _PRICED,
        modality=modalities.pop() if len(modalities) == 1 else "",
        inverted=kind in _OPEN and not _DO.isdisjoint(after),
        bare=_is_bare(kind, noun, after, words[place + 1 :]),
        equates=kind == "yes-no" and words[0] in _BE,
        tense=next((_TENSES[word] for word in words[place : place + 5] if word in _TENSES), ""),
    )


def _is_bare(kind: str, noun: str, after: list[str], rest: list[str]) -> bool:
    """Whether a verb follows the question word: who saw him, which city has, what eats lions."""
    if kind not in _OPEN or not after or after[0] in LEXICON.function_words:
        return False
    return kind == "who" or bool(noun) or (kind == "what" and _AUXILIARIES.isdisjoint(rest))


def same_kind(one: Asking, other: Asking) -> bool:
    """Whether an answer to one can be an answer to the other."""
    if one.kind == other.kind == "how long":
        return not (one.noun and other.noun) or one.noun == other.noun
    if (one.measure and other.kind in MEASURED) or (other.measure and one.kind in MEASURED):
        return True
    if one.noun and other.noun:
        return one.noun == other.noun
    if one.noun or other.noun:
        return one.kind in _OPEN and other.kind in _OPEN
    return one.kind == other.kind or frozenset({one.kind, other.kind}) in _SAME_KIND


def same_tense(one: Asking, other: Asking) -> bool:
    """Whether neither asks for what was where the other asks for what is."""
    return {one.tense, other.tense} != {"past", "present"}


def same_modality(one: Asking, other: Asking) -> bool:
    """Whether both ask what may, what must or what should be. Only how a thing is done is the same in each."""
    if one.kind == "how" or other.kind == "how" or one.modality == other.modality:
        return True
    closed = one.kind in ("yes-no", "request")
    return not (one.modality and other.modality) and not (
        closed and {one.modality, other.modality} & {"must", "should"}
    )
