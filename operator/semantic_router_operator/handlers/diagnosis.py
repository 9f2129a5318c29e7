"""Calls the doctor for resources that are not ready for longer than they should be."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.survey import survey
from semantic_router_operator.doctor.check import Severity
from semantic_router_operator.doctor.examination import examine
from semantic_router_operator.handlers.desired import secret_keys_of
from semantic_router_operator.handlers.follow import Follower, Key
from semantic_router_operator.plan.diagnosis import Diagnosis, Unready, unready
from semantic_router_operator.plan.probed import Probed

# An examination lists some fifteen kinds of one namespace. So there are few at a time, whatever has befallen hundreds
# of resources at once, and fewer and fewer of a resource whose state stays the same.
_AT_A_TIME = 2
_SECONDS, _LONGEST_SECONDS = 300.0, 3600.0
# An Event has 1,024 characters; cause, fix and command are known to be shorter than the rest.
_EVIDENCE = 250
NOTHING = Diagnosis("", "")


class Diagnoser:
    """`turned` is called with a resource of which another diagnosis is known than before."""

    def __init__(self, connection: Connection, turned: Callable[[Key], None], patience_seconds: float) -> None:
        self._connection = connection
        self._patience = patience_seconds
        self._probed: dict[Key, Probed] = {}
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._follower: Follower[tuple[Key, Unready], Diagnosis] = Follower(self._ask, self._pause, turned)

    async def run(self) -> None:
        """Examines until cancelled."""
        await self._follower.run()

    def look(self, key: Key, conditions: Iterable[Mapping[str, Any]], probed: Probed) -> None:
        """The resource's conditions are these now."""
        subject = unready(conditions)
        self._probed[key] = probed
        self._follower.follow(key, (key, subject) if subject is not None else None)

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self._probed.pop(key, None)
        self._follower.follow(key, None)

    def found(self, key: Key) -> Diagnosis | None:
        """The worst error found; None where none was, or nobody has looked yet."""
        found = self._follower.found(key)
        return None if found is None or found == NOTHING else found

    async def _ask(self, subject: tuple[Key, Unready], before: Diagnosis | None) -> Diagnosis | None:
        key, why = subject
        if why.patience(datetime.now(UTC), self._patience) > 0:
            return before
        async with self._turns:
            report = examine(await survey(self._connection, *key, secret_keys_of, self._probed.get(key)))
        for finding in report.findings:
            if finding.severity is Severity.ERROR:
                seen = f"{finding.subject}: {finding.evidence.rstrip('.')[:_EVIDENCE]}"
                text = f"{finding.cause} ({seen}.) {finding.fix} {finding.command}".strip()
                return Diagnosis(finding.reason, text)
        return NOTHING

    def _pause(self, key: Key, found: Diagnosis | None, since: float) -> float:
        del key
        return max(_SECONDS, min(since, _LONGEST_SECONDS)) if found is not None else min(_SECONDS, self._patience / 4)
