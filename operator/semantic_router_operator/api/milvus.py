"""`spec.milvus`: one of managed, external and embedded, and the collection in it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import ApiModel, DnsName, Quantity, SecretRef, rules
from semantic_router_operator.api.router import Resources


class Storage(ApiModel):
    size: Quantity = "10Gi"
    storage_class_name: DnsName | None = Field(None, description="None: the cluster's default.")


class ComponentSpec(ApiModel):
    replicas: int = Field(1, ge=0, le=100)
    resources: Resources | None = None


class Components(ApiModel):
    """Milvus' own components (mode cluster)."""

    proxy: ComponentSpec | None = None
    query_node: ComponentSpec | None = None
    data_node: ComponentSpec | None = None
    index_node: ComponentSpec | None = None
    streaming_node: ComponentSpec | None = None


class ManagedMilvus(ApiModel):
    """A Milvus that milvus-operator makes from our description."""

    mode: Literal["standalone", "cluster"] = "standalone"
    version: Annotated[str, Field(max_length=32, pattern=r"^v?\d+\.\d+\.\d+$")] | None = None
    components: Components = Components()
    storage: Storage = Storage()
    etcd_storage: Storage = Storage()
    deletion_policy: Literal["Delete", "Retain"] | None = None
    metrics: bool = True


class TlsRef(ApiModel):
    """A Secret with ca.crt, and for mutual TLS client.crt and client.key."""

    secret_ref: SecretRef
    mutual: bool = Field(False, description="Whether the router shows a certificate of its own.")
    server_name: DnsName | None = None


class ExternalMilvus(ApiModel):
    """A Milvus that is there already."""

    address: Annotated[
        str, Field(max_length=300, pattern=r"^[A-Za-z0-9.\-]+:[0-9]{1,5}$", description="host:port of the proxy.")
    ]
    database: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "default"
    credentials_secret_ref: SecretRef | None = Field(None, description="Keys username and password.")
    tls: TlsRef | None = None
    timeout_seconds: int = Field(30, ge=1, le=600)


class EmbeddedMilvus(ApiModel):
    """Milvus Lite inside the router: one pod, for development."""

    storage: Storage | None = Field(None, description="None: the pod's own, gone with it.")


class Collection(ApiModel):
    name: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "semantic_cache"
    index_type: Literal["HNSW", "FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "SCANN", "DISKANN", "AUTOINDEX"] = "HNSW"
    index_params: dict[str, int] = Field(default_factory=dict, description="None: the index type's usual ones.")
    metric_type: Literal["IP", "COSINE", "L2"] = "IP"
    partition_key: bool = True
    auto_create: bool = True


class Search(ApiModel):
    params: dict[str, int] = Field(default_factory=dict, description="None: the index type's usual ones.")
    topk: int = Field(10, ge=1, le=1000)
    consistency_level: Literal["Strong", "Bounded", "Session", "Eventually"] = "Session"


class Milvus(ApiModel):
    """Where answers are kept."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.managed) ? 1 : 0) + (has(self.external) ? 1 : 0) + (has(self.embedded) ? 1 : 0) == 1",
                "set exactly one of managed, external and embedded",
            )
        )
    )

    managed: ManagedMilvus | None = None
    external: ExternalMilvus | None = None
    embedded: EmbeddedMilvus | None = None
    collection: Collection = Collection()
    search: Search = Search()
