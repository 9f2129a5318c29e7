"""What was seen of one resource and of what it depends on: read-only, without secrets, as plain data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from semantic_router_operator.plan.pods import outdated
from semantic_router_operator.plan.probed import PodState, Probed
from semantic_router_operator.render.network import namespace_of

Json = Mapping[str, Any]
# Routers are asked through it; among what is `unreadable` where that is not allowed, or nobody answers.
PODS_PROXY = "pods/proxy"
# What milvus-operator calls the Helm releases of a Milvus, beside its own name.
_PARTS = ("", "-etcd", "-minio", "-pulsar", "-kafka")


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A Secret without its values. `expires` maps a key that holds a certificate to the end of its validity."""

    name: str
    keys: frozenset[str] = frozenset()
    malformed: Mapping[str, str] = field(default_factory=dict)
    expires: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """`objects` are listed by kind: those of the resource's namespace, and all of a kind without namespaces.

    `unreadable` says by kind why it could not be listed; `unserved` are kinds that the cluster does not know.
    `secrets` maps the names that the resource refers to; None where there is no such Secret; `secret_keys` says which
    keys it needs of each. `clock_offset` is the API server's clock minus this machine's, in seconds.
    """

    namespace: str
    name: str
    now: datetime
    resource: Json | None = None
    objects: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    unserved: frozenset[str] = frozenset()
    secrets: Mapping[str, SecretFacts | None] = field(default_factory=dict)
    secret_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    probed: Probed | None = None
    clock_offset: float | None = None

    @property
    def router_states(self) -> tuple[PodState, ...]:
        """What the router's pods said of themselves, where they were asked."""
        return (self.probed.pods or ()) if self.probed else ()

    def refusals(self) -> Iterator[tuple[str, str]]:
        """Yield what routers refuse of the configuration that is meant for them, each with who says so."""
        replaced = outdated(self.of_router("Pod"), self.one("Deployment", self.name))
        for each in self.router_states:
            if each.reload_problem and each.name not in replaced:
                yield f"Pod/{each.name}", each.reload_problem

    def router_words(self) -> Iterator[tuple[str, str]]:
        """Yield what routers say of themselves now, and said when they ended, each with who says so."""
        for each in self.router_states:
            yield f"Pod/{each.name}", each.problem
        yield from self.refusals()
        cache = self.condition("CacheReady")
        if cache.get("status") == "False":
            yield f"SemanticRouter/{self.name}", str(cache.get("message", ""))
        for pod in self.of_router("Pod"):
            for state in (pod.get("status") or {}).get("containerStatuses") or ():
                for when in ("state", "lastState"):
                    ended = (state.get(when) or {}).get("terminated") or {}
                    yield f"Pod/{pod['metadata']['name']}", " ".join(str(ended.get("message") or "").split())[-400:]

    def all(self, kind: str) -> tuple[Json, ...]:
        """Return the listed objects of a kind."""
        return self.objects.get(kind, ())

    def one(self, kind: str, name: str) -> Json | None:
        """Return the object of that name."""
        return next((each for each in self.all(kind) if each["metadata"]["name"] == name), None)

    def of_router(self, kind: str) -> tuple[Json, ...]:
        """Return the objects that carry the labels of this resource's router."""
        wanted = {"app.kubernetes.io/name": "semantic-router", "app.kubernetes.io/instance": self.name}
        return tuple(each for each in self.all(kind) if wanted.items() <= labels(each).items())

    def spec(self, *path: str) -> Any:
        """Return a field of the resource's spec; None where it, or one on the way, is not set."""
        value: Any = (self.resource or {}).get("spec") or {}
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def condition(self, kind: str) -> Json:
        """Return the resource's condition of that type; empty where it has none."""
        found = conditions(self.resource or {})
        return found.get(kind, {})

    def events_of(self, kind: str, name: str) -> list[Json]:
        """Return the Events about an object, the newest last."""
        about = [
            each
            for each in self.all("Event")
            if (each.get("involvedObject") or {}).get("kind") == kind
            and (each.get("involvedObject") or {}).get("name") == name
        ]
        return sorted(about, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""))

    @property
    def milvus_name(self) -> str:
        """Name of that Milvus: the resource's, but for one that was made beside another."""
        placement = ((self.resource or {}).get("status") or {}).get("placement") or {}
        return str((placement.get("managedMilvus") or {}).get("name") or self.name)

    @property
    def managed_milvus(self) -> Json | None:
        """The Milvus resource that the operator keeps for this one."""
        return self.one("Milvus", self.milvus_name) if self.spec("milvus", "managed") is not None else None

    def milvus_pods(self) -> tuple[Json, ...]:
        """Return pods of this resource's Milvus itself, without etcd, object store and message stream."""
        if self.spec("milvus", "managed") is not None:
            wanted = {"app.kubernetes.io/name": "milvus", "app.kubernetes.io/instance": self.milvus_name}
        else:
            host = str(self.spec("milvus", "external", "address") or "").rpartition(":")[0]
            service = self.one("Service", host.split(".")[0])
            there = namespace_of(host, self.namespace) == self.namespace
            wanted = dict((service["spec"].get("selector") or {}) if service and there else {})
        return tuple(each for each in self.all("Pod") if wanted and wanted.items() <= labels(each).items())

    def is_ours(self, obj: Json) -> bool:
        """Whether an object is the router's, a managed Milvus', or of what that depends on."""
        own = labels(obj)
        instance = own.get("app.kubernetes.io/instance") or own.get("release")
        return instance in {f"{name}{part}" for name in (self.name, self.milvus_name) for part in _PARTS}

    def pods(self) -> tuple[Json, ...]:
        """Return the router's and its Milvus' pods, and those of what a managed Milvus depends on."""
        found = {str(each["metadata"]["name"]): each for each in filter(self.is_ours, self.all("Pod"))}
        return tuple((found | {str(each["metadata"]["name"]): each for each in self.milvus_pods()}).values())


def labels(obj: Json) -> Mapping[str, str]:
    """Return an object's labels."""
    return obj["metadata"].get("labels") or {}


def conditions(obj: Json) -> dict[str, Json]:
    """Return the conditions of an object's status by type."""
    return {str(each.get("type")): each for each in (obj.get("status") or {}).get("conditions") or ()}


def waited(obj: Json, now: datetime) -> float:
    """Return for how many seconds an object has existed."""
    return (now - moment(str(obj["metadata"]["creationTimestamp"]))).total_seconds()


def moment(text: str) -> datetime:
    """Return the time that a Kubernetes object holds as text."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
