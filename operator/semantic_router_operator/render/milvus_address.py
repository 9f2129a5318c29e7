"""Where the Milvus of a resource's routers is, for those who ask it how it is."""

from dataclasses import dataclass

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render.facts import ClusterFacts


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """The Milvus that a resource's routers use, and the names of the Secrets with which they are let in.

    `tls_secret` is None without TLS; `mutual`: the client shows a certificate of its own. `secret_versions` are those
    of the Secrets: with other values, what was found is of no use.
    """

    host: str
    port: int
    database: str
    collection: str
    credentials_secret: str | None = None
    tls_secret: str | None = None
    mutual: bool = False
    server_name: str = ""
    managed: bool = False
    secret_versions: tuple[str, ...] = ()


def milvus_address(resource: SemanticRouter, facts: ClusterFacts) -> MilvusAddress | None:
    """Return the address, or None where the routers use none that others can reach."""
    milvus = resource.spec.milvus
    used = resource.backend != "memory" and resource.spec.cache.enabled
    if milvus is None or milvus.external is None or not used:
        return None
    external = milvus.external
    host, _, port = external.address.rpartition(":")
    credentials = external.credentials_secret_ref.name if external.credentials_secret_ref is not None else None
    tls = external.tls.secret_ref.name if external.tls is not None else None
    return MilvusAddress(
        host,
        int(port),
        external.database,
        milvus.collection.name,
        credentials,
        tls,
        mutual=external.tls is not None and external.tls.mutual,
        server_name=(external.tls.server_name or "") if external.tls is not None else "",
        secret_versions=tuple(facts.secret_versions.get(name, "") for name in (credentials, tls) if name is not None),
    )
