"""What probes have found, as plain data. Figures that move by themselves do not count when two findings are compared:
a status is written when something has turned, not when a row has come."""

from dataclasses import dataclass, field
from typing import Literal

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
class PodState:
    """What a router's pod says of itself; nothing where it has not `answered`, and `problem` says why.

    `store_down`: the pod leaves Milvus alone, `problem` says why. `reload_problem` and `restart_needed` are empty where
    the configuration on its disk is in force.
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


@dataclass(frozen=True, slots=True)
class Probed:
    """What is known at the moment. None: not asked yet; no pods: none is ready."""

    pods: tuple[PodState, ...] | None = None
    milvus: MilvusState | None = None
    diagnosis: Diagnosis | None = None
