"""Passwords that the operator makes, and when they change."""

from typing import Any

import pytest

from semantic_router_operator.plan.credentials import (
    ROTATE_ANNOTATION,
    ROTATED_ANNOTATION,
    is_router_user,
    new_login,
    new_password,
    rotation_due,
)


def test_passwords_are_long_distinct_and_plain() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(each) == 40 and each.isalnum() and each.isascii() for each in made)


def test_a_rotation_gives_another_name_since_both_are_good_for_a_while() -> None:
    first = new_login()
    second = new_login(first.username)
    assert (first.username, second.username) == ("semantic_router_1", "semantic_router_2")
    assert first.password != second.password
    assert is_router_user(second.username)
    assert not is_router_user("semantic_router_of_somebody")
    assert new_login("chosen_by_hand").username == "semantic_router_1"


@pytest.mark.parametrize(
    ("asked", "done", "due"), [(None, None, False), ("1", None, True), ("1", "1", False), ("2", "1", True)]
)
def test_each_new_value_of_the_annotation_rotates_once(asked: str | None, done: str | None, due: bool) -> None:
    def annotated(name: str, value: str | None) -> dict[str, Any]:
        return {"metadata": {"annotations": {name: value}} if value is not None else {}}

    assert rotation_due(annotated(ROTATE_ANNOTATION, asked), annotated(ROTATED_ANNOTATION, done)) is due
