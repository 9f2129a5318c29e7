"""When a difference in words is none in meaning: the same question, put quite another way.

Who swaps one word for another of its kind (visitors, residents) leaves the rest of a sentence as it is. Two questions
that have few words in common and are similar all the same are most often one question. This holds for the vectors
of the default embedder; `docs/cache-correctness.md` has the measurements.
"""

from itertools import product

from semantic_router_proxy.cache.guard.lexicon import LEXICON
from semantic_router_proxy.cache.guard.words import Reading, difference

SIMILARITY = 0.85
MOST_COMMON = 0.5
MOST_DIFFERENT = 2


def is_rewording(question: Reading, candidate: Reading, similarity: float) -> bool:
    """Whether two questions whose content differs may be one, in other words throughout.

    `similarity` is their cosine. They share at most half of all their words, at least as many words of content as
    they differ in, and no word of one excludes one of the other.
    """
    if similarity < SIMILARITY:
        return False
    words, others = set(question.tokens), set(candidate.tokens)
    if len(words & others) > MOST_COMMON * len(words | others):
        return False
    left, right = difference(question, candidate)
    different = max(len(left), len(right))
    if different > MOST_DIFFERENT or len(set(question.content) & set(candidate.content)) < different:
        return False
    if not (left and right) and any(word in LEXICON.telling for word in left + right):
        return False
    none: frozenset[int] = frozenset()
    contrasts = LEXICON.contrasts
    return not any(contrasts.get(one, none) & contrasts.get(other, none) for one, other in product(left, right))
