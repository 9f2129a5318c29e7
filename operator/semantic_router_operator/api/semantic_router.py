"""The resource `SemanticRouter` as a whole."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from semantic_router_operator.api import GROUP
from semantic_router_operator.api.backup import Backup
from semantic_router_operator.api.base import ApiModel, camel_case, filled, rules
from semantic_router_operator.api.cache import Backend, Cache
from semantic_router_operator.api.lifecycle import Migration, Monitoring, NetworkPolicy
from semantic_router_operator.api.milvus import Components, Milvus
from semantic_router_operator.api.router import RouterSpec
from semantic_router_operator.api.routing import Routing
from semantic_router_operator.api.upstreams import Access, Model, Provider

Profile = Literal["development", "staging", "production"]

# Set to "on" by `kubectl semantic-router hibernate`.
HIBERNATE_ANNOTATION = f"{GROUP}/hibernate"

_EMBEDDED = "has(self.milvus) && has(self.milvus.embedded)"
_MANAGED = "has(self.milvus) && has(self.milvus.managed)"
# Whether entries are kept in Milvus at all.
_STORED = "(has(self.milvus) && (!has(self.cache) || !has(self.cache.backend) || self.cache.backend != 'memory'))"
# Profile production means a cluster where the resource does not say otherwise.
_CLUSTER = (
    "(has(self.milvus.managed.mode) ? self.milvus.managed.mode == 'cluster' : has(self.profile) && self.profile == "
    "'production')"
)
_COMPONENTS = " || ".join(
    f"has(self.milvus.managed.components.{camel_case(name)})" for name in sorted(Components.model_fields)
)
_VERIFIED = (
    "((has(self.cache) && (has(self.cache.verifyThreshold) || (has(self.cache.categories) && "
    "self.cache.categories.exists(c, has(c.verifyThreshold))))) || (has(self.routing) && has(self.routing.decisions) "
    "&& self.routing.decisions.exists(d, has(d.cache) && has(d.cache.verifyThreshold))))"
)


class Spec(ApiModel):
    """What is wanted."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.models) || self.models.all(m, has(self.providers) && self.providers.exists(p, p.name == "
                "m.provider))",
                "every model's provider must be one of spec.providers",
            ),
            (
                "!has(self.routing) || !has(self.routing.defaultModel) || (has(self.models) && self.models.exists(m, "
                "m.name == self.routing.defaultModel))",
                "routing.defaultModel must be one of spec.models",
            ),
            (
                "!has(self.routing) || !has(self.routing.escalation) || (has(self.models) && "
                "self.routing.escalation.model in self.models.map(m, m.name))",
                "routing.escalation.model must be one of spec.models",
            ),
            (
                f"{_VERIFIED} == (has(self.cache) && has(self.cache.verifier))",
                "cache.verifier and a verifyThreshold (of cache, one of its categories, or a decision's cache) belong "
                "together",
            ),
            (
                f"!has(self.cache) || !has(self.cache.verifier) || !{filled('self.models')} || "
                "self.cache.verifier.model in self.models.map(m, m.name)",
                "cache.verifier.model must be one of spec.models",
            ),
            (
                "!has(self.routing) || !has(self.routing.decisions) || self.routing.decisions.all(d, "
                "d.modelRefs.all(r, has(self.models) && r.model in self.models.map(m, m.name)))",
                "every decision's modelRefs must name models of spec.models",
            ),
            (
                # The list of one list is how CEL gives a value a name, so that it is computed once.
                "!has(self.models) || [self.models.map(m, m.name)].all(names, self.models.all(m, !has(m.fallbacks) || "
                "m.fallbacks.all(f, f != m.name && f in names)))",
                "a model's fallbacks must be other models of spec.models",
            ),
            (
                "!has(self.cache) || !has(self.cache.backend) || self.cache.backend == 'memory' || has(self.milvus)",
                "cache.backend milvus or hybrid needs spec.milvus with one of managed, external and embedded",
            ),
            (
                "!has(self.routing) || !has(self.routing.decisions) || [has(self.models) ? self.models.filter(m, "
                "has(m.pricing)).map(m, m.name) : []].all(priced, self.routing.decisions.all(d, !has(d.chooseBy) || "
                "d.chooseBy != 'cost' || d.modelRefs.all(r, r.model in priced)))",
                "a decision with chooseBy cost needs the pricing of all its models",
            ),
            (
                f"!({_MANAGED}) || !has(self.milvus.managed.messageStream) || self.milvus.managed.messageStream == "
                f"'woodpecker' || (self.milvus.managed.messageStream == 'pulsar') == {_CLUSTER}",
                "milvus.managed.messageStream pulsar serves mode cluster only, rocksmq mode standalone only",
            ),
            (
                f"!({_MANAGED}) || !has(self.milvus.managed.components) || {_CLUSTER} || !({_COMPONENTS})",
                "milvus.managed.components belong to mode cluster; use milvus.managed.resources",
            ),
            (
                f"!({_EMBEDDED}) || !has(self.router) || !has(self.router.replicas) || self.router.replicas <= 1",
                "milvus.embedded serves one pod: set router.replicas to 1, or use milvus.managed or milvus.external",
            ),
            (
                f"!({_EMBEDDED}) || !has(self.router) || !has(self.router.autoscaling) || "
                "(has(self.router.autoscaling.enabled) && !self.router.autoscaling.enabled)",
                "milvus.embedded serves one pod: remove router.autoscaling, or use milvus.managed or milvus.external",
            ),
            (
                f"!has(self.backup) || has(self.backup.s3) || ({_STORED} && {_MANAGED})",
                "backup.s3 is needed: only a managed Milvus in use brings an object store of its own",
            ),
            (
                "!has(self.backup) || !has(self.backup.engine) || self.backup.engine != 'milvus-backup' || "
                f"({_STORED} && {_MANAGED})",
                "backup.engine milvus-backup is for a managed Milvus in use, whose object store is known; use export",
            ),
            (
                "!has(self.backup) || !has(self.backup.snapshots) || !has(self.backup.snapshots.enabled) || "
                f"!self.backup.snapshots.enabled || ({_STORED} && {_MANAGED})",
                "backup.snapshots are of the volumes of a managed Milvus in use",
            ),
            (
                f"!has(self.backup) || ({_STORED} && !({_EMBEDDED})) || (has(self.router) && "
                "has(self.router.adminTokenSecretRef))",
                "backup of a cache in memory or in Milvus Lite reads it from the pods: set router.adminTokenSecretRef",
            ),
        )
    )

    profile: Profile = Field("development", description="Presets; every field can be overridden.")
    router: RouterSpec = RouterSpec()
    providers: tuple[Provider, ...] = Field(
        (), max_length=32, json_schema_extra={"x-map-key": "name"}, description="Where models are served."
    )
    models: tuple[Model, ...] = Field(
        (), max_length=64, json_schema_extra={"x-map-key": "name"}, description="What can be chosen."
    )
    routing: Routing = Routing()
    access: Access = Access()
    cache: Cache = Cache()
    milvus: Milvus | None = Field(None, description="None: answers are kept in memory only.")
    migration: Migration | None = Field(None, description="How a change of backend is carried out.")
    backup: Backup | None = Field(None, description="None: no backups.")
    monitoring: Monitoring | None = Field(None, description="None: no objects of prometheus-operator and Grafana.")
    network_policy: NetworkPolicy | None = Field(None, description="None: no NetworkPolicies.")
    suspend: bool = Field(False, description="Whether the operator leaves everything as it is.")


class Metadata(BaseModel):
    """The part of an object's metadata that the operator reads."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    name: Annotated[str, Field(min_length=1, max_length=253)]
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    annotations: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    deletion_timestamp: str | None = Field(None, alias="deletionTimestamp")


class SemanticRouter(BaseModel):
    """One gateway."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    api_version: str = Field("semanticrouter.dev/v1alpha1", alias="apiVersion")
    kind: Literal["SemanticRouter"] = "SemanticRouter"
    metadata: Metadata
    spec: Spec = Spec()
    status: dict[str, Any] = Field(default_factory=dict)
    # Of the managed Milvus, where it is not the resource's own: said by the placement, never by the object.
    milvus_name: str = Field("", exclude=True)

    @property
    def backend(self) -> Backend:
        """The cache's backend, derived from what is there where it is not said."""
        return self.spec.cache.backend or ("hybrid" if self.spec.milvus is not None else "memory")

    @property
    def hibernating(self) -> bool:
        """Whether it is to have no pods for a while, by its annotation; everything else stays."""
        return self.metadata.annotations.get(HIBERNATE_ANNOTATION) == "on"

    @property
    def autoscaled(self) -> bool:
        """Whether the number of pods is an autoscaler's."""
        autoscaling = self.spec.router.autoscaling
        return autoscaling is not None and autoscaling.enabled and not self.hibernating

    @property
    def replicas(self) -> int | None:
        """The number of pods; None where it is an autoscaler's."""
        if self.hibernating:
            return 0
        return None if self.autoscaled else self.spec.router.replicas
