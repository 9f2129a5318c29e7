"""What passes by itself is begun again, and nothing else is."""

from dataclasses import dataclass, field

import pytest
from botocore.exceptions import ClientError

from semantic_router_operator.backup.config import Storage
from semantic_router_operator.backup.failure import BackupError
from semantic_router_operator.backup.milvus_backup import failure
from semantic_router_operator.runner.patience import patiently
from semantic_router_operator.runner.store_errors import of_answer

AWAY = BackupError("Unreachable", "The store cannot be reached.", passing=True)
REFUSED = BackupError("CredentialsRefused", "The store refuses the credentials.")


@dataclass
class Clock:
    """Time that passes in pauses only."""

    time: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


def _tried(seconds: float, clock: Clock, *errors: BackupError) -> tuple[int, list[str]]:
    """Return how many attempts it took, and what was said; the errors are those of the first attempts."""
    said: list[str] = []

    def work(attempt: int) -> int:
        if attempt <= len(errors):
            raise errors[attempt - 1]
        return attempt

    return patiently(work, seconds, said.append, now=clock.now, pause=clock.pause), said


def test_what_passes_is_begun_again_with_longer_and_longer_pauses() -> None:
    clock = Clock()
    attempts, said = _tried(600, clock, *[AWAY] * 7)
    assert (attempts, clock.pauses) == (8, [2, 4, 8, 16, 32, 60, 60])
    assert said[0] == "The store cannot be reached. Trying again in 2 s."


def test_its_time_is_limited() -> None:
    clock = Clock()
    with pytest.raises(BackupError) as last:
        _tried(30, clock, *[AWAY] * 99)
    assert (last.value.reason, clock.pauses) == ("Unreachable", [2, 4, 8, 16])


@pytest.mark.parametrize("errors", [(REFUSED,), (AWAY, REFUSED)])
def test_what_waits_for_a_person_is_told_at_once(errors: tuple[BackupError, ...]) -> None:
    clock = Clock()
    with pytest.raises(BackupError, match="refuses"):
        _tried(600, clock, *errors)
    assert len(clock.pauses) == len(errors) - 1


def test_nobody_is_patient_who_was_not_asked_to_be() -> None:
    clock = Clock()
    with pytest.raises(BackupError):
        _tried(0, clock, AWAY)
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("code", "status", "passing"),
    [
        ("SlowDown", 503, True),
        ("InternalError", 500, True),
        ("502", 502, True),
        ("InvalidAccessKeyId", 403, False),
        ("AccessDenied", 403, False),
        ("NoSuchBucket", 404, False),
        ("XMinioStorageFull", 507, False),
        ("NotImplemented", 501, False),
        ("InvalidRequest", 400, False),
    ],
)
def test_of_a_stores_answers_only_its_own_trouble_passes(code: str, status: int, passing: bool) -> None:
    told = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    storage = Storage(endpoint="http://store:9000", bucket="backups")
    assert of_answer(storage, "writing it", ClientError(told, "PutObject")).passing is passing


@pytest.mark.parametrize(
    ("output", "passing"),
    [
        ("Error: dial tcp 10.0.0.1:19530: connection refused", True),
        ("Error: context deadline exceeded", True),
        ("Error: The Access Key Id you provided does not exist", False),
        ("panic: runtime error", False),
    ],
)
def test_of_milvus_backups_failures_only_those_to_reach_others_pass(output: str, passing: bool) -> None:
    assert failure("create", 1, output, ()).passing is passing
