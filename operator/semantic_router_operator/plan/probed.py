"""What probes have found, as plain data. Figures that move by themselves do not count when two findings are compared:
a status is written when something has turned, not when a row has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from semantic_router_operator.plan.diagnosis import Diagnosis

MilvusReason = Literal[
    "AddressUnknown",
    "Unreachable",
    "TLSRequired",
    "TLSNotSpoken",
    "CertificateRefused",
    "CertificateUnusable",
    "CredentialsMissing",
    "CredentialsRefused",
    "RightMissing",
    "DatabaseMissing",
    "NoAnswer",
    "Failing",
]


@dataclass(frozen=True, slots=True)
class CollectionState:
    """What is behind a collection's name, which may be an alias of `real_name`. None: the user may not see it."""

    real_name: str
    rows: int | None = field(default=None, compare=False)
    index_type: str | None = None
    metric_type: str | None = None
    loaded: bool | None = None


@dataclass(frozen=True, slots=True)
class MilvusState:
    """`reason` is empty where all is well; else one word, and `message` a sentence about it without secrets."""

    reachable: bool
    authenticated: bool
    version: str = ""
    collection: CollectionState | None = None
    reason: MilvusReason | Literal[""] = ""
    message: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LookupPeriod:
    """A pod's lookups in the time that a configuration was in force there."""

    config_epoch: str
    policy_epoch: str
    since: datetime
    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class PodState:
    """What a router's pod says of itself; nothing where it has not `answered`, and `problem` says why.

    `store_down`: the pod leaves Milvus alone, `problem` says why. `reload_problem` and `restart_needed` are empty where
    the configuration on its disk is in force. `lookups` has the newest configuration last.
    """

    name: str
    answered: bool = True
    epoch: str = ""
    backend: str = ""
    store_down: bool = False
    reload_problem: str = ""
    restart_needed: tuple[str, ...] = ()
    problem: str = field(default="", compare=False)
    entries: int = field(default=0, compare=False)
    lookups: tuple[LookupPeriod, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Probed:
    """What is known at the moment. None: not asked yet; no pods: none is ready."""

    pods: tuple[PodState, ...] | None = None
    milvus: MilvusState | None = None
    diagnosis: Diagnosis | None = None


_LONGEST_TEXT = 300


def pod_state(pod: str, told: Any) -> PodState | None:
    """Return what /readyz of a router's admin port tells; None where that is no router's answer.

    Raises KeyError, TypeError, ValueError where a field is not what a router sends.
    """
    if not isinstance(told, Mapping) or "config_epoch" not in told:
        return None
    return PodState(
        pod,
        epoch=short(told["config_epoch"]),
        backend=short(told.get("cache_backend", "")),
        store_down=bool(told.get("store_problem")),
        problem=short(told.get("store_problem", "")),
        reload_problem=short(told.get("reload_problem", "")),
        restart_needed=tuple(short(key) for key in told.get("restart_needed") or ()),
        entries=int(told.get("cache_entries") or 0),
        lookups=tuple(map(_period, told.get("lookups") or ())),
    )


def _period(told: Mapping[str, Any]) -> LookupPeriod:
    since = datetime.fromtimestamp(float(told["since"]), UTC)
    config, policy = short(told["config_epoch"]), short(told["policy_epoch"])
    return LookupPeriod(config, policy, since, int(told["hits"]), int(told["misses"]))


def short(text: Any) -> str:
    """Return what another process has said, on one line and of bounded length."""
    return " ".join(str(text).split())[:_LONGEST_TEXT]
