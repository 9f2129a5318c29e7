"""One module a failure; `CHECKS` is their order in reports and in docs/troubleshooting.md."""

from importlib import import_module

from semantic_router_operator.doctor.check import Check

_MODULES = (
    "operator",
    "router_config",
    "secrets",
    "certificates",
    "image_pull",
    "memory",
    "crashes",
    "quota",
    "storage",
    "connection",
    "credentials",
    "collection",
    "embedder",
    "performance",
    "hit_rate",
    "milvus_operator",
    "milvus_frozen",
    "milvus_scaling",
    "milvus_values",
    "pulsar",
    "monitoring",
    "backups",
    "restores",
    "clock",
    "unexplained",
)

CHECKS: tuple[Check, ...] = tuple(import_module(f"{__name__}.{each}").CHECK for each in _MODULES)
