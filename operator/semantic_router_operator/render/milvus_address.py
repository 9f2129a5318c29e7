"""Where the Milvus of a resource's routers is, for those who ask it how it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.milvus_config import MILVUS_PORT, credentials_secret, milvus_in_use, tls_secret


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
    milvus = milvus_in_use(resource)
    if milvus is None or milvus.embedded is not None:
        return None
    credentials, files = credentials_secret(milvus, resource), tls_secret(milvus, resource)
    tls = files[0] if files is not None else None
    versions = tuple(facts.secret_versions.get(name, "") for name in (credentials, tls) if name is not None)
    if milvus.external is None:
        host = names.milvus_host(resource)
        return MilvusAddress(
            host, MILVUS_PORT, "default", milvus.collection.name, credentials, tls, managed=True,
            secret_versions=versions,
        )  # fmt: skip
    external = milvus.external
    host, _, port = external.address.rpartition(":")
    return MilvusAddress(
        host,
        int(port),
        external.database,
        milvus.collection.name,
        credentials,
        tls,
        mutual=external.tls is not None and external.tls.mutual,
        server_name=(external.tls.server_name or "") if external.tls is not None else "",
        secret_versions=versions,
    )


def rerouted(address: MilvusAddress, connect_to: Mapping[str, str]) -> MilvusAddress:
    """Return the address by way of another one (host:port to host:port), for an operator outside the cluster. The
    certificate is still to be good for the name that the routers use."""
    other = connect_to.get(f"{address.host}:{address.port}")
    if other is None:
        return address
    host, _, port = other.rpartition(":")
    return replace(address, host=host, port=int(port), server_name=address.server_name or address.host)
