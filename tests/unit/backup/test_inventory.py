"""Names, catalogues, the choice of a backup, and what retention takes away."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_operator.backup.catalogue import (
    Begun,
    Catalogue,
    StoredObject,
    document_bytes,
    parse_begun,
    parse_catalogue,
)
from semantic_router_operator.backup.config import RouterName
from semantic_router_operator.backup.failure import BackupError
from semantic_router_operator.backup.inventory import Inventory, choose, prune
from semantic_router_operator.backup.names import is_name, new_name, time_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OURS = RouterName(namespace="shop", name="router")
THEIRS = RouterName(namespace="shop", name="other")
HOUR = timedelta(hours=1)


def backup(hours_ago: float, router: RouterName = OURS, name: str = "") -> Catalogue:
    started = NOW - hours_ago * HOUR
    return Catalogue(
        name=name or new_name(started, "ab"),
        engine="export",
        router=router,
        started=started,
        finished=started + timedelta(minutes=1),
        collection="semantic_cache",
        rows=3,
        rows_least=3,
        objects=(StoredObject(key="cache.gz", bytes=10, sha256="0" * 64),),
    )


def begun(hours_ago: float, router: RouterName = OURS) -> Begun:
    started = NOW - hours_ago * HOUR
    return Begun(name=new_name(started, "cd"), engine="export", router=router, started=started)


def test_a_name_sorts_by_time_says_it_and_fits_milvus_backup() -> None:
    name = new_name(datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC), "ab12")
    assert name == "sr_20260301_040506_ab12"
    assert is_name(name)
    assert time_of(name) == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert new_name(NOW, "ff") < new_name(NOW + timedelta(seconds=1), "00")


@pytest.mark.parametrize("name", ["with-hyphen", "1st", "", "a/b", "a" * 129, "ä"])
def test_other_names_are_none(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("name", ["nightly", "sr_20261399_000000", "sr_2026"])
def test_a_name_of_somebody_elses_choice_says_no_time(name: str) -> None:
    assert time_of(name) is None


def test_a_catalogue_comes_back_as_it_was_written() -> None:
    wanted = backup(1)
    assert parse_catalogue(document_bytes(wanted), "here") == wanted
    assert wanted.bytes == 10


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"{}", "name: Field required"),
        (document_bytes(backup(1)).replace(b'"version": 1', b'"version": 2'), "has version 2, this program reads 1"),
        (document_bytes(backup(1)).replace(b"0" * 64, b"z" * 64), "sha256"),
    ],
)
def test_a_catalogue_that_is_none_is_named(content: bytes, says: str) -> None:
    with pytest.raises(BackupError, match=says) as found:
        parse_catalogue(content, "p/x/backup.json")
    assert found.value.reason == "CatalogueUnusable"
    assert "p/x/backup.json" in found.value.message


def test_a_mark_that_cannot_be_read_is_passed_over() -> None:
    assert parse_begun(b"{}") is None
    assert parse_begun(document_bytes(begun(1))) == begun(1)


def test_retention_keeps_the_youngest() -> None:
    found = Inventory(tuple(backup(hours) for hours in (1, 5, 3, 4, 2)))
    pruning = prune(found, OURS, 2, NOW, HOUR)
    assert pruning.surplus == tuple(backup(hours).name for hours in (5, 4, 3))
    assert (pruning.interrupted, pruning.kept) == ((), 2)


@given(
    ages=st.lists(st.integers(0, 1000), max_size=12, unique=True),
    begun_ages=st.lists(st.integers(0, 1000), max_size=6),
    keep=st.integers(0, 15),
)
def test_the_last_good_one_stays_and_others_are_not_touched(ages: list[int], begun_ages: list[int], keep: int) -> None:
    own = tuple(backup(age, name=f"own_{number}") for number, age in enumerate(ages))
    others = tuple(backup(age, THEIRS, f"other_{number}") for number, age in enumerate(ages))
    marks = tuple(begun(age) for age in begun_ages)
    pruning = prune(Inventory(own + others, (*marks, begun(1001, THEIRS))), OURS, keep, NOW, HOUR)
    gone = set(pruning.surplus) | set(pruning.interrupted)
    assert not gone & {each.name for each in others}
    assert begun(1001, THEIRS).name not in gone
    assert pruning.kept == min(len(own), max(1, keep))
    assert pruning.kept == len(own) - len(pruning.surplus)
    if own:
        assert min(own, key=lambda each: NOW - each.started).name not in gone
    assert {each.name for each in marks if NOW - each.started > HOUR} == set(pruning.interrupted)


def test_what_was_finished_is_not_interrupted_even_if_its_mark_was_left() -> None:
    done = backup(5)
    mark = Begun(name=done.name, engine="export", router=OURS, started=done.started)
    pruning = prune(Inventory((done,), (mark,)), OURS, 1, NOW, HOUR)
    assert (pruning.surplus, pruning.interrupted, pruning.marked) == ((), (), (done.name,))


def test_the_latest_a_name_or_a_point_in_time() -> None:
    found = Inventory((backup(3), backup(1), backup(2)))
    assert choose(found, OURS, "latest") == backup(1)
    assert choose(found, OURS, backup(3).name) == backup(3)
    assert choose(found, OURS, "latest", NOW - 1.5 * HOUR) == backup(2)
    assert choose(found, OURS, "latest", NOW - 2 * HOUR) == backup(2)
    with pytest.raises(BackupError, match=r"No backup is as old .* the oldest is " + backup(3).name):
        choose(found, OURS, "latest", NOW - 9 * HOUR)


def test_what_cannot_be_chosen_says_why() -> None:
    found = Inventory((backup(1),), (begun(2),), (("broken", "The catalogue broken/backup.json cannot be read."),))
    with pytest.raises(BackupError, match="still being made, or its run was interrupted") as unfinished:
        choose(found, OURS, begun(2).name)
    assert unfinished.value.reason == "BackupUnfinished"
    with pytest.raises(BackupError, match="cannot be read"):
        choose(found, OURS, "broken")
    with pytest.raises(BackupError, match=f"There is no backup nothing in the store. There are {backup(1).name}"):
        choose(found, OURS, "nothing")
    with pytest.raises(BackupError, match="no finished backup"):
        choose(Inventory((), found.begun), OURS, "latest")


def test_another_clusters_backups_are_taken_where_they_are_one_routers() -> None:
    elsewhere = RouterName(namespace="dr", name="router")
    found = Inventory((backup(2), backup(1, THEIRS)))
    assert choose(found, OURS, "latest") == backup(2)
    assert choose(Inventory((backup(1, THEIRS),)), elsewhere, "latest") == backup(1, THEIRS)
    with pytest.raises(BackupError, match="several other routers"):
        choose(found, elsewhere, "latest")
