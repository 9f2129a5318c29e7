"""What the pod of a Job says at its end: one line of JSON by the backups' runner and by the router's cache commands,
else its last log line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from semantic_router_operator.backup.result import Result, parse_result

Json = Mapping[str, Any]
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Said:
    """The last words of a container. `result` is None where they are no result, but a log line or nothing."""

    message: str = ""
    exit_code: int | None = None
    result: Result | None = None

    @property
    def reason(self) -> str:
        """One word for a failure; empty where none is told."""
        return (self.result.reason or "") if self.result is not None else ""


def said_by(pods: Iterable[Json]) -> dict[str, Said]:
    """Return what each container that has ended said, by its name, in the order in which they run."""
    found: dict[str, Said] = {}
    for pod in pods:
        status = pod.get("status") or {}
        for state in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            ended = (state.get("state") or {}).get("terminated")
            if ended is not None:
                found[str(state.get("name"))] = read(str(ended.get("message") or ""), int(ended.get("exitCode", 0)))
    return found


def last_words(said: Mapping[str, Said]) -> Said:
    """Return the words of the container that failed, else of the one that ended last."""
    failed = [each for each in said.values() if each.exit_code]
    return failed[0] if failed else (list(said.values()) or [Said()])[-1]


def read(text: str, exit_code: int) -> Said:
    """Return a termination message as what it says."""
    result = parse_result(text)
    if result is not None:
        return Said(result.message[:_LONGEST], exit_code, result)
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    return Said(lines[-1][:_LONGEST] if lines else "", exit_code)
