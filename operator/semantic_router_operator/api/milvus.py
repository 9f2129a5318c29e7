"""`spec.milvus`: one of managed, external and embedded, and the collection in it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from semantic_router_operator.api.base import (
    ApiModel,
    DeletionPolicy,
    DnsLabel,
    DnsName,
    Quantity,
    SecretRef,
    StringMap,
    rules,
    unchanged,
)
from semantic_router_operator.api.router import Resources


class Storage(ApiModel):
    """A volume. Its size may grow where the StorageClass allows it."""

    model_config = ConfigDict(json_schema_extra=rules(unchanged("storageClassName")))

    size: Quantity = Field("10Gi", description="Such as 10Gi.")
    storage_class_name: DnsName | None = Field(None, description="None: the cluster's default.")


class ComponentSpec(ApiModel):
    replicas: int | None = Field(
        None, ge=-1, le=100, description="Pods of the component; none: left alone, -1: an autoscaler of yours has them."
    )
    resources: Resources | None = Field(None, description="Of each pod; none: those of milvus.managed.resources.")


class Components(ApiModel):
    """Milvus' own components (mode cluster)."""

    proxy: ComponentSpec | None = Field(None, description="Takes requests.")
    mix_coord: ComponentSpec | None = Field(None, description="Coordinates the others.")
    query_node: ComponentSpec | None = Field(None, description="Searches.")
    data_node: ComponentSpec | None = Field(None, description="Writes.")
    index_node: ComponentSpec | None = Field(None, description="Builds indexes (before Milvus 2.6).")
    streaming_node: ComponentSpec | None = Field(None, description="Takes writes (Milvus 2.6 and later).")


class IssuerRef(ApiModel):
    """An issuer of cert-manager."""

    name: DnsName = Field(description="Of the issuer.")
    kind: Literal["Issuer", "ClusterIssuer"] = Field("Issuer", description="Issuer: one of this namespace.")


class ServerTls(ApiModel):
    """The server's certificate: from a Secret, or one that cert-manager makes."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.secretRef) != has(self.issuerRef)",
                "set exactly one of secretRef and issuerRef",
            )
        )
    )

    secret_ref: SecretRef | None = Field(
        None, description="Keys tls.crt, tls.key and ca.crt; the certificate is for NAME-milvus.NAMESPACE.svc."
    )
    issuer_ref: IssuerRef | None = Field(None, description="cert-manager makes the certificate and renews it.")


class Authentication(ApiModel):
    """Users and passwords: the operator makes root's, and a user for the router, in a Secret each."""

    enabled: bool = Field(True, description="false: whoever reaches the port may do everything.")


def _version(comparison: str) -> str:
    """Return the CEL expression that a version is given, and compares so with its numbers n."""
    numbers = "[self.version.replace('v', '').split('.').map(part, int(part))]"
    return f"has(self.version) && {numbers}.all(n, {comparison})"


_SINCE_2_6 = _version("n[0] > 2 || (n[0] == 2 && n[1] >= 6)")
_BEFORE_2_6 = _version("n[0] < 2 || (n[0] == 2 && n[1] < 6)")


class FromSnapshots(ApiModel):
    """Volumes that a Milvus begins with, in place of empty ones: the VolumeSnapshots that were cut after a backup."""

    backup: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        description="The snapshots' label semanticrouter.dev/backup."
    )


class ManagedMilvus(ApiModel):
    """A Milvus that milvus-operator makes from our description. It is called as this resource."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                f"!({_SINCE_2_6}) || !has(self.components) || !has(self.components.indexNode)",
                "components.indexNode is no part of Milvus 2.6 and later",
            ),
            (
                f"!({_BEFORE_2_6}) || !has(self.components) || !has(self.components.streamingNode)",
                "components.streamingNode comes with Milvus 2.6",
            ),
            (
                f"!({_BEFORE_2_6}) || !has(self.messageStream) || self.messageStream != 'woodpecker'",
                "messageStream woodpecker comes with Milvus 2.6",
            ),
        )
    )

    mode: Literal["standalone", "cluster"] = Field(
        "standalone",
        description="One process, or one for each component. A change makes another Milvus, and copies the entries.",
    )
    version: Annotated[str, Field(max_length=32, pattern=r"^v?\d+\.\d+\.\d+$")] | None = Field(
        None, description="Such as 2.6.24; none: what is there stays, and a new one gets this operator's default."
    )
    image: Annotated[str, Field(max_length=255, pattern=r"^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?$")] = Field(
        "milvusdb/milvus", description="Repository; the version is the tag."
    )
    message_stream: Literal["pulsar", "woodpecker", "rocksmq"] | None = Field(
        None,
        description="What carries writes; it stays as it was made. None: pulsar for a cluster; woodpecker for a "
        "standalone since 2.6, rocksmq before.",
    )
    resources: Resources | None = Field(None, description="Of each pod of Milvus; none: no requests and no limits.")
    components: Components = Components()
    storage: Storage = Field(Storage(), description="Of the object store; in mode cluster of each of its four drives.")
    etcd_storage: Storage = Field(Storage(), description="Of each etcd pod.")
    stream_storage: Storage = Field(Storage(), description="Of each volume of pulsar, or that of rocksmq.")
    from_snapshots: FromSnapshots | None = Field(
        None,
        description="Volumes that a Milvus begins with when it is made, of the same name, mode and version; one that "
        "is there is left as it is.",
    )
    deletion_policy: Literal["Delete", "Retain"] | None = Field(
        None,
        description="What becomes of the data with this resource: Delete removes volumes too; Retain leaves etcd, "
        "object store and message stream running, and a resource of the same name takes them over. None: Delete for "
        "a standalone, Retain for a cluster.",
    )
    auth: Authentication = Field(Authentication(), description="Users and passwords.")
    tls: ServerTls | None = Field(None, description="None: Milvus speaks without encryption.")
    metrics: bool = Field(True, description="Whether milvus-operator makes a PodMonitor.")

    @property
    def clustered(self) -> bool:
        return self.mode == "cluster"

    @property
    def retained(self) -> bool:
        """Whether data outlives the resource."""
        return (self.deletion_policy or ("Retain" if self.clustered else "Delete")) == "Retain"


class TlsRef(ApiModel):
    """A Secret with ca.crt, and for mutual TLS client.crt and client.key."""

    secret_ref: SecretRef
    mutual: bool = Field(False, description="Whether the router shows a certificate of its own.")
    server_name: DnsName | None = Field(
        None, description="In the server's certificate, where it is not the address's host."
    )


class MilvusMetrics(ApiModel):
    """The Services of an external Milvus that serve metrics, for a ServiceMonitor of ours."""

    match_labels: StringMap = Field(
        json_schema_extra=rules(("size(self) > 0", "name at least one label")), description="Of the Services."
    )
    namespace: DnsName | None = Field(None, description="Of the Services; none: the resource's own.")
    port: DnsLabel = Field("metrics", description="Name of the Services' port.")

    @field_validator("match_labels")
    @classmethod
    def _not_every_service(cls, labels: dict[str, str]) -> dict[str, str]:
        if not labels:
            raise ValueError("name at least one label")
        return labels


class ExternalMilvus(ApiModel):
    """A Milvus that is there already."""

    address: Annotated[
        str, Field(max_length=300, pattern=r"^[A-Za-z0-9.\-]+:[0-9]{1,5}$", description="host:port of the proxy.")
    ]
    database: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        "default", description="Which must exist."
    )
    credentials_secret_ref: SecretRef | None = Field(None, description="Keys username and password.")
    tls: TlsRef | None = None
    timeout_seconds: int = Field(30, ge=1, le=600, description="Of one call.")
    metrics: MilvusMetrics | None = Field(
        None,
        description="What spec.monitoring.serviceMonitor scrapes beside the router; none where Milvus' own chart has "
        "it scraped, as it does by default, since nothing should be scraped twice.",
    )


class EmbeddedStorage(Storage):
    deletion_policy: DeletionPolicy = "Delete"


class EmbeddedMilvus(ApiModel):
    """Milvus Lite inside the router: one pod, for development."""

    storage: EmbeddedStorage | None = Field(None, description="None: the pod's own, gone with it.")


class Collection(ApiModel):
    name: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        "semantic_cache", description="It is made where it does not exist."
    )
    index_type: Literal["HNSW", "FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "SCANN", "DISKANN", "AUTOINDEX"] = Field(
        "HNSW", description="DISKANN, IVF_SQ8, IVF_PQ and SCANN are not in Milvus Lite."
    )
    index_params: dict[str, int] = Field(default_factory=dict, description="None: the index type's usual ones.")
    metric_type: Literal["IP", "COSINE", "L2"] = Field(
        "IP", description="How vectors are compared; they are normalised, so IP and COSINE agree."
    )
    partition_key: bool = Field(True, description="Whether Milvus keeps entries of one cache partition together.")
    auto_create: bool = Field(True, description="false: a missing collection is an error.")


class Search(ApiModel):
    params: dict[str, int] = Field(default_factory=dict, description="None: the index type's usual ones.")
    topk: int = Field(10, ge=1, le=1000, description="Most similar entries that a lookup looks at.")
    consistency_level: Literal["Strong", "Bounded", "Session", "Eventually"] = Field(
        "Session", description="How soon one pod sees what another has written."
    )


class Milvus(ApiModel):
    """Where answers are kept."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.managed) ? 1 : 0) + (has(self.external) ? 1 : 0) + (has(self.embedded) ? 1 : 0) == 1",
                "set exactly one of managed, external and embedded",
            ),
            (
                "!has(self.embedded) || !has(self.collection) || !has(self.collection.indexType) || "
                "self.collection.indexType in ['HNSW', 'FLAT', 'IVF_FLAT', 'AUTOINDEX']",
                "milvus.embedded is Milvus Lite, which has the index types HNSW, FLAT, IVF_FLAT and AUTOINDEX",
            ),
        )
    )

    managed: ManagedMilvus | None = None
    external: ExternalMilvus | None = None
    embedded: EmbeddedMilvus | None = None
    collection: Collection = Field(Collection(), description="Where entries stand.")
    search: Search = Field(Search(), description="How they are found.")
