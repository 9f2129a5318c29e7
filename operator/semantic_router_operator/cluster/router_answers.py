"""Asks routers by way of the API server, for who is outside the cluster's network: needs `get` on pods/proxy."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.plan.findings import ready_pods
from semantic_router_operator.plan.probed import PodState, pod_state
from semantic_router_operator.render.names import ADMIN_PORT

# More say the same.
_MOST = 20


async def router_answers(
    connection: Connection, namespace: str, pods: Iterable[Mapping[str, Any]], seconds: float
) -> tuple[PodState, ...]:
    """Return what each ready pod says, at most twenty and each within `seconds`.

    Raises ApiError where none of them could be asked.
    """
    names = [name for name, _ in ready_pods(pods)][:_MOST]
    found = await asyncio.gather(*(_ask(connection, namespace, name, seconds) for name in names))
    states = [each for each in found if isinstance(each, PodState)]
    errors = [each for each in found if isinstance(each, ApiError)]
    if errors and not states:
        raise errors[0]
    return tuple(states)


async def _ask(connection: Connection, namespace: str, pod: str, seconds: float) -> PodState | ApiError:
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}:{ADMIN_PORT}/proxy/readyz"
    try:
        async with asyncio.timeout(seconds):
            state = pod_state(pod, await connection.request("GET", path, attempts=1))
    except ApiError as error:
        return error
    except TimeoutError:
        return ApiError(0, "NoAnswer", f"Pod/{pod} gives no answer through the API server within {seconds:g} s")
    except (ValueError, TypeError, KeyError):
        state = None
    return state or ApiError(0, "BadAnswer", f"Pod/{pod} gives another answer than a router's")
