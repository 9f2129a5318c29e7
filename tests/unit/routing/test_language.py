"""Which language a question is in."""

import pytest

from semantic_router_proxy.config.signals import LANGUAGES
from semantic_router_proxy.routing.language import language_of

QUESTIONS = {
    "ar": "ما هي عاصمة فرنسا؟",
    "cs": "Jaké je hlavní město Francie a kde je?",
    "da": "Hvad er hovedstaden i Frankrig?",
    "de": "Wie hoch ist der Eiffelturm?",
    "el": "Ποια είναι η πρωτεύουσα της Γαλλίας;",
    "en": "What is the capital of France?",
    "es": "¿Cuál es la capital de Francia?",
    "fa": "پایتخت فرانسه چیست؟",
    "fi": "Mikä on Ranskan pääkaupunki?",
    "fr": "Quelle est la capitale de la France ?",
    "he": "מהי בירת צרפת?",
    "hi": "फ्रांस की राजधानी क्या है?",
    "hu": "Mi Franciaország fővárosa?",
    "id": "Apa ibu kota Prancis?",
    "it": "Qual è la capitale della Francia?",
    "ja": "フランスの首都はどこですか",
    "ko": "프랑스의 수도는 어디입니까?",
    "nl": "Wat is de hoofdstad van Frankrijk?",
    "no": "Hva er hovedstaden i Frankrike?",
    "pl": "Jaka jest stolica Francji?",
    "pt": "Qual é a capital da França?",
    "ro": "Care este capitala Franței?",
    "ru": "Какая столица Франции?",
    "sv": "Vad är Frankrikes huvudstad?",
    "th": "เมืองหลวงของฝรั่งเศสคืออะไร",
    "tr": "Fransa'nın başkenti nedir?",
    "uk": "Яка столиця Франції?",
    "vi": "Thủ đô của Pháp là gì?",
    "zh": "法国的首都是什么?",
}


def test_every_language_that_can_be_configured_is_tried_here() -> None:
    assert tuple(sorted(QUESTIONS)) == tuple(sorted(LANGUAGES))


@pytest.mark.parametrize(("code", "text"), QUESTIONS.items())
def test_a_short_question_is_enough(code: str, text: str) -> None:
    found, confidence = language_of(text)
    assert found == code
    assert confidence >= 0.3


@pytest.mark.parametrize("text", ["", "42", "hm", "TCP?", "12 * 13 =", "```\nfor the of and\n```"])
def test_what_gives_no_evidence_is_in_no_language(text: str) -> None:
    assert language_of(text)[1] < 0.3


def test_quoted_words_of_another_script_do_not_decide() -> None:
    assert language_of("What is the meaning of the Chinese word 首都 in English?")[0] == "en"
    assert language_of("请解释 Kubernetes 的 Service 是什么")[0] == "zh"
