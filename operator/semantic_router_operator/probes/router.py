"""Asks a router's pod, on its admin port, what it runs: /readyz tells the epoch, the cache and what is refused."""

import asyncio
import json
from typing import Any

import aiohttp

from semantic_router_operator.plan.probed import PodState
from semantic_router_operator.render.names import ADMIN_PORT

SECONDS = 3.0
AT_A_TIME = 16
_LARGEST_ANSWER = 64 * 1024
_LONGEST_TEXT = 300


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
            told = json.loads(data)
        except TimeoutError:
            return PodState(pod, answered=False, problem=f"{host}:{port} gives no answer within {SECONDS:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return PodState(pod, answered=False, problem=f"{host}:{port} cannot be reached: {_short(_cause(error))}")
        except ValueError:
            return PodState(pod, answered=False, problem=f"{host}:{port} gives another answer than a router's")
        if not isinstance(told, dict) or "config_epoch" not in told:
            return PodState(pod, answered=False, problem=f"{host}:{port} gives another answer than a router's")
        return PodState(
            pod,
            epoch=_short(told["config_epoch"]),
            backend=_short(told.get("cache_backend", "")),
            store_down=bool(told.get("store_problem")),
            problem=_short(told.get("store_problem", "")),
            reload_problem=_short(told.get("reload_problem", "")),
            restart_needed=tuple(_short(key) for key in told.get("restart_needed") or ()),
            entries=int(told.get("cache_entries") or 0),
        )

    async def close(self) -> None:
        await self._session.close()


def _cause(error: Exception) -> str:
    cause = getattr(error, "os_error", None)
    return str(getattr(cause, "strerror", None) or error or type(error).__name__)


def _short(text: Any) -> str:
    return " ".join(str(text).split())[:_LONGEST_TEXT]
