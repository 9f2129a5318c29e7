"""The dashboard in a real Chromium: what it shows is what happened, and what it does is what it says."""

import asyncio
import re

import pytest
from tests.web.conftest import TOKEN, Site

BIRDS = "Which birds can fly backwards?"
METALS = "Which metals are liquid at room temperature?"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script> birds"


def luminance(colour: str) -> float:
    """Return how bright an rgb() colour is, from 0 to 1 (WCAG 2.2, relative luminance)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


async def test_it_shows_what_happened(site: Site) -> None:
    router = site.router
    for question in (METALS, METALS, METALS, BIRDS):
        await router.ask(question)
    await router.post("/v1/chat/completions", {"model": "auto"})
    seen = await site.browser.run("overview", token=TOKEN)
    tiles, tables = seen["tiles"], seen["tables"]
    assert tiles["hit-rate"] == "50.0 %"
    assert tiles["hit-split"].startswith("last 10 min: 2 exact, 0 semantic")
    assert tiles["requests"] == "5"
    assert tiles["entries"] == "2"
    assert tiles["money"].startswith("€")
    assert re.search(r"€[\d,.]+ spent", tiles["spent"])
    assert "configuration" in tiles["facts"]
    assert seen["bars"] == {"exact": 1, "semantic": 0, "miss": 1}
    assert [row[0] for row in tables["models"]] == ["Model", "small", "large"]
    assert tables["providers"][1][3:] == ["closed", "off"]
    assert sorted(row[0] for row in tables["decisions"][1:]) == ["none", "zoo"]
    assert [row[0] for row in tables["latency"][1:]] == ["exact hit", "semantic hit", "asked a model"]
    recent = [(row[1], row[6]) for row in tables["recent"][1:]]
    assert recent == [("400", ""), ("miss", BIRDS), ("exact", METALS), ("exact", METALS), ("miss", METALS)]


async def test_it_follows_what_happens_without_a_reload(site: Site) -> None:
    watching = asyncio.create_task(site.browser.run("live", token=TOKEN))
    number = 0
    while not watching.done():
        number += 1
        await site.router.ask(f"What is {number} in Roman numerals?")
        await asyncio.sleep(0.05)
    seen = await watching
    assert seen["after"] != seen["before"]


async def test_without_the_token_it_says_what_is_needed_and_shows_nothing(site: Site) -> None:
    await site.router.ask(METALS)
    seen = await site.browser.run("locked")
    assert "admin token" in seen["status"]
    assert METALS not in seen["recent"]


async def test_an_explanation_names_decision_signals_and_the_caches_verdict(site: Site) -> None:
    seen = await site.browser.run("explain", token=TOKEN, question=BIRDS)
    assert "large" in seen["explained"]
    assert "by decision zoo" in seen["explained"]
    assert "found 'birds'" in seen["explained"]
    assert "miss" in seen["explained"]
    await site.router.ask(BIRDS)
    seen = await site.browser.run("explain", token=TOKEN, question=BIRDS)
    assert "exact hit" in seen["explained"]
    seen = await site.browser.run("explain", token=TOKEN, question=BIRDS, asker="caller:team-a")
    assert "among the answers of caller:team-a" in seen["explained"]
    assert "exact hit" not in seen["explained"]
    assert site.router.standin.record.requests == 1, "no model was asked by the page"


async def test_a_miss_is_explained_by_what_was_nearest(site: Site) -> None:
    cache = site.router.gateway.cache
    assert cache is not None
    await site.router.ask("How do I sort a list of 10 names in Python?")
    await site.router.until(lambda: cache.get_stats().total_entries == 1)
    other = "How do I sort a list of 20 names in Python?"
    seen = await site.browser.run("explain", token=TOKEN, question=other)
    assert "the guard objected: numbers" in seen["explained"]
    assert "of 10 names" in seen["explained"]
    await site.router.ask(other)
    seen = await site.browser.run("overview", token=TOKEN)
    assert "guard: numbers" in seen["tables"]["recent"][1][7]


async def test_a_hostile_question_stays_text(site: Site) -> None:
    await site.router.ask(HOSTILE)
    seen = await site.browser.run("explain", token=TOKEN, question=HOSTILE)
    assert seen["scripts"] == 0
    seen = await site.browser.run("overview", token=TOKEN)
    assert seen["tables"]["recent"][1][6] == HOSTILE


async def test_stored_questions_are_found_by_their_words_and_deleted_one_by_one(site: Site) -> None:
    cache = site.router.gateway.cache
    assert cache is not None
    for question in (METALS, BIRDS):
        await site.router.ask(question)
    await site.router.until(lambda: cache.get_stats().total_entries == 2)
    seen = await site.browser.run("find", token=TOKEN, words="BACKWARDS birds")
    assert [(row[0], row[2], row[3]) for row in seen["found"]] == [(BIRDS, "large", "zoo")]
    seen = await site.browser.run("find", token=TOKEN, words="BACKWARDS birds", further=True)
    assert [row[0] for row in seen["found"]] == [BIRDS]
    assert seen["says"] == "2 answers read, 1 have these words."
    seen = await site.browser.run("find", token=TOKEN, words="", remove=True)
    assert [row[0] for row in seen["found"]] == [BIRDS, METALS], "the newest first"
    assert seen["says"] == "The answer was deleted."
    assert [row[0] for row in seen["left"]] == [METALS]
    assert cache.get_stats().total_entries == 1


@pytest.mark.parametrize(("answer", "left"), [("no", 1), ("yes", 0)])
async def test_the_cache_is_emptied_only_after_a_yes(site: Site, answer: str, left: int) -> None:
    await site.router.ask(METALS)
    cache = site.router.gateway.cache
    assert cache is not None
    await site.router.until(lambda: cache.get_stats().total_entries == 1)
    seen = await site.browser.run("invalidate", token=TOKEN, answer=answer)
    assert cache.get_stats().total_entries == left
    assert seen["says"] == ("1 answers were deleted." if answer == "yes" else "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 420])
async def test_it_can_be_read_in_light_and_dark_on_any_width(site: Site, scheme: str, width: int) -> None:
    await site.router.ask(METALS)
    seen = await site.browser.run("look", token=TOKEN, scheme=scheme, width=width)
    assert seen["overflow"] <= 0, "nothing makes the page itself scroll sideways"
    assert seen["unlabelled"] == 0
    bright, dim = sorted((luminance(seen["ground"]), luminance(seen["ink"])), reverse=True)
    assert (luminance(seen["ground"]) < 0.2) == (scheme == "dark")
    assert (bright + 0.05) / (dim + 0.05) >= 7, "contrast for reading (WCAG AAA)"
