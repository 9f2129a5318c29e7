"""Status conditions as Kubernetes' API conventions want them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """`reason` is one CamelCase word; `message` says what is the case and what to do."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


def merged(
    before: Iterable[Mapping[str, Any]], conditions: Iterable[Condition], generation: int, now: str
) -> list[Json]:
    """The status list, ordered by type; lastTransitionTime moves only where `status` has changed."""
    old = {str(entry.get("type")): entry for entry in before}
    result = []
    for condition in sorted(conditions, key=lambda c: c.type):
        previous = old.get(condition.type, {})
        same = previous.get("status") == condition.status
        result.append(
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "observedGeneration": generation,
                "lastTransitionTime": previous.get("lastTransitionTime", now) if same else now,
            }
        )
    return result
