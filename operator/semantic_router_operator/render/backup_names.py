"""Names of what backups add to a resource."""

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names

COMPONENT = "backup"
DRILL_COMPONENT = "drill"


def backup(resource: SemanticRouter) -> str:
    """Return the name of the CronJob, and of what its pods use: ConfigMap, ServiceAccount and NetworkPolicy."""
    return f"{resource.metadata.name}-backup"


def drill(resource: SemanticRouter) -> str:
    """Return the name of the CronJob that restores the newest backup on trial."""
    return f"{resource.metadata.name}-drill"


def minio_secret(resource: SemanticRouter) -> str:
    """Return the Secret that the chart of MinIO makes for a managed Milvus (keys `accesskey` and `secretkey`)."""
    return f"{names.milvus(resource)}-minio"
