"""`milvus.yaml`: the Milvus client's file of seed 000, with all its keys."""

from typing import Any

import yaml

from semantic_router_operator.api.milvus import Collection, ExternalMilvus, Milvus
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.refusal import MILVUS_PLACES, checked
from semantic_router_proxy.config.milvus import MilvusConfig

DATA_DIR = "/var/lib/semantic-router"
MILVUS_PORT = 19530
TLS_DIR = "/etc/semantic-router/milvus-tls"
# The router puts in the variable's value; on a laptop it is another folder than in a pod.
EMBEDDED_URI = f"${{SEMANTIC_ROUTER_DATA_DIR:-{DATA_DIR}}}/cache.db"


def milvus_in_use(resource: SemanticRouter) -> Milvus | None:
    """Return the section, or None where the router's pods have nothing to do with a Milvus."""
    used = resource.backend != "memory" and resource.spec.cache.enabled
    return resource.spec.milvus if used else None


def milvus_is_scraped(resource: SemanticRouter) -> bool:
    """Whether the resource names the Services of an external Milvus whose metrics are to be scraped."""
    milvus = milvus_in_use(resource)
    return milvus is not None and milvus.external is not None and milvus.external.metrics is not None


def credentials_secret(milvus: Milvus | None, resource: SemanticRouter) -> str | None:
    """Return the Secret whose `username` and `password` the router shows, or None where it shows none."""
    if milvus is not None and milvus.managed is not None and milvus.managed.auth.enabled:
        return names.milvus_user_secret(resource)
    if milvus is not None and milvus.external is not None and milvus.external.credentials_secret_ref is not None:
        return milvus.external.credentials_secret_ref.name
    return None


def tls_secret(milvus: Milvus | None, resource: SemanticRouter) -> tuple[str, tuple[str, ...]] | None:
    """Return the Secret that is mounted at TLS_DIR and its keys, or None where the connection is not encrypted."""
    if milvus is not None and milvus.managed is not None and milvus.managed.tls is not None:
        # The server's key is in the same Secret, and none of the router's business.
        return names.milvus_server_secret(resource), ("ca.crt",)
    if milvus is not None and milvus.external is not None and milvus.external.tls is not None:
        mutual = ("client.crt", "client.key") if milvus.external.tls.mutual else ()
        return milvus.external.tls.secret_ref.name, ("ca.crt", *mutual)
    return None


def milvus_config_text(resource: SemanticRouter) -> str | None:
    """Return the file's text, or None where the cache has no Milvus. Credentials stand in it as variables only.

    Raises InvalidResource for what the router refuses and the resource's own schema lets through.
    """
    milvus = milvus_in_use(resource)
    if milvus is None:
        return None
    data = {
        "connection": _connection(resource, milvus),
        "collection": {
            "name": milvus.collection.name,
            "description": "Semantic cache",
            "vector_field": {"name": "embedding", "metric_type": milvus.collection.metric_type},
            "index": _index(milvus.collection),
            "partition_key": milvus.collection.partition_key,
        },
        "search": {
            **({"params": dict(milvus.search.params)} if "params" in milvus.search.model_fields_set else {}),
            "topk": milvus.search.topk,
            "consistency_level": milvus.search.consistency_level,
        },
        "development": {"auto_create_collection": milvus.collection.auto_create, "verbose_errors": False},
    }
    checked(MilvusConfig, data, MILVUS_PLACES)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _index(collection: Collection) -> dict[str, Any]:
    """Return the index; parameters that the resource leaves open are the router's to choose for the type."""
    given = {"params": dict(collection.index_params)} if "index_params" in collection.model_fields_set else {}
    return {"type": collection.index_type, **given}


def _connection(resource: SemanticRouter, milvus: Milvus) -> dict[str, Any]:
    if milvus.embedded is not None:
        return {"uri": EMBEDDED_URI}
    connection = _managed(resource) if milvus.external is None else _external(milvus.external)
    connection |= {"auth": {"enabled": False}, "tls": {"enabled": False}}
    if credentials_secret(milvus, resource) is not None:
        connection["auth"] = {
            "enabled": True,
            "username": "${MILVUS_USERNAME}",
            "password": "${MILVUS_PASSWORD}",
        }
    files = tls_secret(milvus, resource)
    if files is not None:
        connection["tls"] = {"enabled": True, "ca_file": f"{TLS_DIR}/ca.crt"}
        if "client.crt" in files[1]:
            connection["tls"] |= {"cert_file": f"{TLS_DIR}/client.crt", "key_file": f"{TLS_DIR}/client.key"}
        if milvus.external is not None and milvus.external.tls is not None and milvus.external.tls.server_name:
            connection["tls"]["server_name"] = milvus.external.tls.server_name
    return connection


def _managed(resource: SemanticRouter) -> dict[str, Any]:
    return {"host": names.milvus_host(resource), "port": MILVUS_PORT, "database": "default", "timeout": 30}


def _external(external: ExternalMilvus) -> dict[str, Any]:
    host, _, port = external.address.rpartition(":")
    return {"host": host, "port": int(port), "database": external.database, "timeout": external.timeout_seconds}
