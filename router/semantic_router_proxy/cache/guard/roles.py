"""Who does what to whom: two rules of the guard about places that words have changed, and about persons."""

from semantic_router_proxy.cache.guard.words import Reading, stem

# What they join may change places: cats and dogs.
_JOINTS = frozenset({"and", "or", "nor", "vs", "versus", "of", "the", "a", "an"})
# Verbs that stand anywhere: the renewal takes long, how long does it take to renew.
_LIGHT = frozenset({stem("take"), stem("need")})
_BE = frozenset({"is", "are", "was", "were", "be", "been", "being", "am"})
_PARTICIPLES = frozenset({"hit", "won", "sold", "made", "built", "led", "met", "read", "run", "held", "paid", "found"})
_OBJECTS = frozenset({"me", "us"})
# After these words "me" adds nothing: tell me, it costs me, for me.
_FRAMES = frozenset({
    "tell", "tells", "telling", "show", "shows", "showing", "give", "gives", "giving", "help", "helps", "let", "lets",
    "for", "to", "explain", "remind", "teach", "cost", "costs", "costing", "take", "takes", "charge", "charges",
})  # fmt: skip
_SUBJECTS = {"i": "first", "we": "first", "you": "second", "one": "second"}
_OWNERS = {"my": "first", "our": "first", "your": "second", "his": "he", "her": "she", "their": "they"}
_GENDERS = {"he": "he", "him": "he", "his": "he", "she": "she", "her": "she", "hers": "she"}


def roles(question: Reading, candidate: Reading) -> str:
    """Who does a thing to whom is the same: two words that have changed places had nothing between them but a joint.

    A square is a rectangle; a rectangle is no square.
    """
    one, other = question.asking, candidate.asking
    if (one.inverted and other.bare) or (other.inverted and one.bare):
        return "subject / object"
    left = [word for word in question.content if word not in _LIGHT]
    right = [word for word in candidate.content if word not in _LIGHT]
    if len(left) != len(right):
        return ""
    if one.equates and left != right and sorted(left) == sorted(right) and not _joined(question, candidate):
        return f"{' '.join(left)} / {' '.join(right)}"
    if _is_passive(question) != _is_passive(candidate) and left == right:
        return "active / passive"
    moved = [place for place, word in enumerate(left) if word != right[place]]
    if len(moved) != 2 or left[moved[0]] != right[moved[1]] or left[moved[1]] != right[moved[0]]:
        return ""
    first, second = left[moved[0]], left[moved[1]]
    between = _between(question, first, second) & _between(candidate, second, first)
    if moved[1] - moved[0] > 1 or between - _JOINTS:
        return f"{' '.join(left)} / {' '.join(right)}"
    return ""


def persons(question: Reading, candidate: Reading) -> str:
    """Me as the object is not I as the subject, my thing not yours, he and she do not change places."""
    left, right = _objects(question), _objects(candidate)
    if left != right:
        return f"{' '.join(sorted(left)) or 'nobody'} / {' '.join(sorted(right)) or 'nobody'} as the object"
    genders, others = _genders(question), _genders(candidate)
    if genders and others and genders != others:
        return f"{' '.join(genders)} / {' '.join(others)}"
    owned, other_owned = _owned(question), _owned(candidate)
    for thing in owned.keys() & other_owned.keys():
        if owned[thing] != other_owned[thing]:
            return f"{owned[thing]} {thing} / {other_owned[thing]} {thing}"
    return ""


def _joined(question: Reading, candidate: Reading) -> bool:
    return any(joint in question.tokens and joint in candidate.tokens for joint in ("and", "or"))


def _is_passive(reading: Reading) -> bool:
    """Whether a thing is done by somebody: was painted by."""
    tokens = reading.tokens
    return "by" in tokens[1:] and _is_participle(tokens[tokens.index("by", 1) - 1]) and not _BE.isdisjoint(tokens)


def _is_participle(word: str) -> bool:
    return word.endswith(("ed", "en", "wn", "ght")) or word in _PARTICIPLES


def _between(reading: Reading, first: str, second: str) -> set[str]:
    """Return the words between the first of two stems and the second."""
    stems = [stem(token) for token in reading.tokens]
    if first not in stems or second not in stems:
        return set()
    return set(reading.tokens[stems.index(first) + 1 : stems.index(second)])


def _objects(reading: Reading) -> set[str]:
    tokens = reading.phrased
    return {
        "me"
        for place, token in enumerate(tokens)
        if token in _OBJECTS and place > 0 and tokens[place - 1] not in _FRAMES and not _is_country(tokens, place)
    }


def _is_country(tokens: tuple[str, ...], place: int) -> bool:
    """Whether "us" may be the country without its capitals: in the us."""
    return tokens[place] == "us" and tokens[place - 1] == "the"


def _genders(reading: Reading) -> list[str]:
    return [_GENDERS[token] for token in reading.phrased if token in _GENDERS]


def _owned(reading: Reading) -> dict[str, str]:
    """Return whose each thing is; what belongs to the one who does the deed is `own`: I renew mine, you renew yours."""
    # "How to renew my passport" is asked by its owner.
    subject = next((_SUBJECTS[token] for token in reading.phrased if token in _SUBJECTS), "first")
    owned = {}
    for place, token in enumerate(reading.phrased[:-1]):
        owner = _OWNERS.get(token)
        if owner is not None:
            owned[stem(reading.phrased[place + 1])] = "own" if owner == subject else owner
    return owned
