"""Which language a question is written in: by its script, and for Latin script by frequent words. Pure.

Small on purpose: 29 languages, no model, a few microseconds. A question that gives no evidence is in no language.
"""

import re
from collections import defaultdict
from functools import cache
from importlib import resources

import yaml

# A script that one language (nearly) owns; Cyrillic, Arabic and Han are looked at more closely below.
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]")
_PERSIAN = re.compile(r"[پچژگکی]")
_LETTERS = re.compile(r"[^\W\d_]+")
# Letters that only few of the languages in Latin script have.
_MARKS = {
    "cs": "ěřů",
    "da": "æø",
    "de": "ßäöü",
    "es": "ñ¿¡",
    "fi": "äö",
    "fr": "œçèêà",
    "hu": "őűáéíóö",
    "no": "æøå",
    "pl": "łśżźćńąę",
    "pt": "ãõç",
    "ro": "țșăâ",
    "sv": "åäö",
    "tr": "ğışç",
    "vi": "đơưạảấầẩậắằẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}
# Fenced code is in no language; its keywords would count as English.
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`]*`", re.DOTALL)


def language_of(text: str) -> tuple[str, float]:
    """Return the ISO 639-1 code and a confidence between 0 and 1; ("", 0.0) where nothing tells.

    The confidence is the lead over the next language, less where the evidence is a single word.
    """
    text = _CODE.sub(" ", text)[:2000]
    letters = sum(len(word) for word in _LETTERS.findall(text))
    if not letters:
        return "", 0.0
    for code, pattern in _SCRIPTS:
        found = len(pattern.findall(text))
        # Han, hangul and kana say more with a letter than Latin script does.
        if found * (4 if code in ("ja", "zh", "ko") else 1) >= letters / 2:
            return _in_script(code, text), 1.0
    return _in_latin(text.lower())


def _in_script(code: str, text: str) -> str:
    if code == "ru" and _UKRAINIAN.search(text):
        return "uk"
    if code == "ar" and _PERSIAN.search(text):
        return "fa"
    return code


def _in_latin(text: str) -> tuple[str, float]:
    scores: defaultdict[str, float] = defaultdict(float)
    for word in _LETTERS.findall(text):
        languages = _words().get(word, ())
        for code in languages:
            scores[code] += 1 / len(languages)
    for code, marks in _MARKS.items():
        scores[code] += 0.5 * sum(text.count(mark) for mark in marks)
    ranked = sorted(scores.items(), key=lambda score: -score[1])[:2]
    best = ranked[0][1] if ranked else 0.0
    if not best:
        return "", 0.0
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return ranked[0][0], (best - second) / best * min(1.0, best / 2)


@cache
def _words() -> dict[str, tuple[str, ...]]:
    text = resources.files("semantic_router_proxy.routing").joinpath("data/languages.yaml").read_text("utf-8")
    by_word: dict[str, tuple[str, ...]] = {}
    for code, words in yaml.safe_load(text).items():
        for word in words.split():
            by_word[word] = (*by_word.get(word, ()), code)
    return by_word
