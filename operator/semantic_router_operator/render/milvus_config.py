"""`milvus.yaml`: the Milvus client's file of seed 000, with all its keys."""

from typing import Any

import yaml

from semantic_router_operator.api.milvus import Collection, Milvus
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render.refusal import MILVUS_PLACES, checked
from semantic_router_proxy.config.milvus import MilvusConfig

DATA_DIR = "/var/lib/semantic-router"
TLS_DIR = "/etc/semantic-router/milvus-tls"
# The router puts in the variable's value; on a laptop it is another folder than in a pod.
EMBEDDED_URI = f"${{SEMANTIC_ROUTER_DATA_DIR:-{DATA_DIR}}}/cache.db"


def milvus_config_text(resource: SemanticRouter) -> str | None:
    """Return the file's text, or None where the cache has no Milvus. Credentials stand in it as variables only.

    Raises InvalidResource for what the router refuses and the resource's own schema lets through.
    """
    milvus = resource.spec.milvus
    if milvus is None or resource.backend == "memory" or not resource.spec.cache.enabled:
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
    if milvus.managed is not None:
        # The Service that milvus-operator makes is called after its Milvus resource, which is called after ours.
        return {"host": f"{resource.metadata.name}-milvus.{resource.metadata.namespace}.svc", "port": 19530}
    if milvus.external is None:
        return {"uri": EMBEDDED_URI}
    external = milvus.external
    host, _, port = external.address.rpartition(":")
    connection: dict[str, Any] = {
        "host": host,
        "port": int(port),
        "database": external.database,
        "timeout": external.timeout_seconds,
        "auth": {"enabled": False},
        "tls": {"enabled": False},
    }
    if external.credentials_secret_ref is not None:
        connection["auth"] = {
            "enabled": True,
            "username": "${MILVUS_USERNAME}",
            "password": "${MILVUS_PASSWORD}",
        }
    if external.tls is not None:
        connection["tls"] = {"enabled": True, "ca_file": f"{TLS_DIR}/ca.crt"}
        if external.tls.mutual:
            connection["tls"] |= {"cert_file": f"{TLS_DIR}/client.crt", "key_file": f"{TLS_DIR}/client.key"}
        if external.tls.server_name is not None:
            connection["tls"]["server_name"] = external.tls.server_name
    return connection
