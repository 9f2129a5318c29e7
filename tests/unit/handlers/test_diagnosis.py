"""Looking for the cause of what is not ready costs the API server little, however many and however long."""

from typing import cast

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.handlers.diagnosis import NOTHING, Diagnoser

KEY = ("a", "x")


async def test_a_state_that_stays_is_examined_less_and_less_often() -> None:
    diagnoser = Diagnoser(cast("Connection", None), lambda key: None, 180)
    pauses = [diagnoser._pause(KEY, NOTHING, since) for since in (0, 600, 1800, 86_400)]
    assert pauses == [300, 600, 1800, 3600]
    assert diagnoser._pause(KEY, None, 0) == 45
