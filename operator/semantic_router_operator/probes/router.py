"""Asks a router's pod, on its admin port, what it runs: /readyz tells the epoch, the cache and what is refused."""

import asyncio
import json

import aiohttp

from semantic_router_operator.plan.probed import PodState, pod_state, short
from semantic_router_operator.render.names import ADMIN_PORT

SECONDS = 3.0
AT_A_TIME = 16
_LARGEST_ANSWER = 64 * 1024


class RouterProbe:
    """Made inside a running event loop; `close` it."""

    def __init__(self) -> None:
        # No connection is kept: between two questions to a pod lie many seconds, and there may be hundreds of pods.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        self._turns = asyncio.Semaphore(AT_A_TIME)

    async def ask(self, pod: str, address: str, port: int = ADMIN_PORT) -> PodState:
        """Ask once, for a few seconds at most from when it is its turn; never raises."""
        async with self._turns:
            return await self._ask(pod, address, port)

    async def _ask(self, pod: str, address: str, port: int) -> PodState:
        host = f"[{address}]" if ":" in address else address
        try:
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            async with self._session.get(f"http://{host}:{port}/readyz", timeout=timeout) as answer:
                data = await answer.content.read(_LARGEST_ANSWER)
            state = pod_state(pod, json.loads(data))
        except TimeoutError:
            return PodState(pod, answered=False, problem=f"{host}:{port} gives no answer within {SECONDS:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return PodState(pod, answered=False, problem=f"{host}:{port} cannot be reached: {short(_cause(error))}")
        except (ValueError, TypeError, KeyError):
            state = None
        problem = f"{host}:{port} gives another answer than a router's"
        return state or PodState(pod, answered=False, problem=problem)

    async def close(self) -> None:
        await self._session.close()


def _cause(error: Exception) -> str:
    cause = getattr(error, "os_error", None)
    return str(getattr(cause, "strerror", None) or error or type(error).__name__)
