"""The last lines of a container's log."""

from semantic_router_operator.cluster.connection import Connection

LINES = 500


async def pod_logs(connection: Connection, namespace: str, pod: str, container: str) -> str:
    """Return the last LINES lines. Raises ApiError."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
    return await connection.text(path, {"container": container, "tailLines": str(LINES)})
