"""What the API server's audit log tells about requests: who, what, when."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete"})
# What an Event or a status says, not what a resource consists of.
TOLD = frozenset({"leases", "events", "semanticrouters"})


@dataclass(frozen=True)
class Request:
    """`started` and `ended` are seconds since the epoch; `name` is empty where a request has none in its path."""

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    started: float
    ended: float

    @property
    def write(self) -> bool:
        return self.verb in WRITES


def requests(log: Path, since: float = 0.0) -> Iterator[Request]:
    """Every finished request that was received after `since`."""
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            about = entry.get("objectRef") or {}
            started = _seconds(entry["requestReceivedTimestamp"])
            if started >= since:
                yield Request(
                    user=entry["user"]["username"],
                    verb=entry["verb"],
                    resource=about.get("resource", ""),
                    subresource=about.get("subresource", ""),
                    namespace=about.get("namespace", ""),
                    name=about.get("name", ""),
                    code=(entry.get("responseStatus") or {}).get("code", 0),
                    started=started,
                    ended=_seconds(entry["stageTimestamp"]),
                )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
