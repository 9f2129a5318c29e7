"""kopf's part: it watches the resources and tells which of them to look at. It writes nothing itself."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kopf

Key = tuple[str, str]


async def watch(
    namespaces: tuple[str, ...], wake: Callable[[Key], None], kubeconfig: Path | None, stop: threading.Event
) -> None:
    """Runs kopf until `stop` is set or it fails. Empty `namespaces` means the whole cluster.

    kopf has an event loop and a thread of its own: at its end it waits for every task of its loop, then cancels them,
    and in the main thread it would take the signals.
    """
    loop = asyncio.get_running_loop()

    def woken(key: Key) -> None:
        loop.call_soon_threadsafe(wake, key)

    ended: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        try:
            asyncio.run(_watch(namespaces, woken, kubeconfig, stop))
            outcome: BaseException | None = None
        except BaseException as error:  # noqa: BLE001 - told to the one who waits
            outcome = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, ended, outcome)

    threading.Thread(target=run, name="kopf", daemon=True).start()
    await ended


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(RuntimeError(f"kopf ended: {error}"))


async def _watch(
    namespaces: tuple[str, ...], wake: Callable[[Key], None], kubeconfig: Path | None, stop: threading.Event
) -> None:
    registry = kopf.OperatorRegistry()
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    # Limited to namespaces it may neither list namespaces nor CRDs, and would retry the refusal for a minute.
    settings.scanning.disabled = bool(namespaces)
    settings.persistence.finalizer = "semanticrouter.dev/operator"
    settings.persistence.progress_storage = kopf.StatusProgressStorage()
    # kopf renews a watch after this time, so that one which froze silently (kopf #1145) comes back by itself.
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30

    async def changed(namespace: str | None, name: str | None, **_: Any) -> None:
        if namespace and name:
            wake((namespace, name))

    kopf.on.event("semanticrouter.dev", "v1alpha1", "semanticrouters", registry=registry)(changed)
    if kubeconfig is not None:
        os.environ["KUBECONFIG"] = str(kubeconfig)
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig if kubeconfig is not None else kopf.login_via_client)
    await kopf.operator(
        registry=registry,
        settings=settings,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
