"""kopf's part: it watches the resources and tells which of them have changed. It writes nothing itself."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import kopf

Key = tuple[str, str]
STOP_SECONDS = 2.0
# Called with a resource's key and resourceVersion; None: it has been deleted.
Told = Callable[[Key, int | None], None]


async def watch(namespaces: tuple[str, ...], told: Told, kubeconfig: Path | None) -> None:
    """Runs kopf until cancelled. Empty `namespaces` means the whole cluster. Raises RuntimeError when kopf ends.

    kopf has an event loop and a thread of its own: at its end it waits for every task of its loop, then cancels them,
    and in the main thread it would take the signals.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def tell(key: Key, version: int | None) -> None:
        loop.call_soon_threadsafe(told, key, version)

    ended: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        cause: object = "without an error"
        try:
            asyncio.run(_watch(namespaces, tell, kubeconfig, stop))
        except BaseException as error:  # noqa: BLE001 - told to the one who waits
            cause = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, ended, RuntimeError(f"kopf ended: {cause}"))

    threading.Thread(target=run, name="kopf", daemon=True).start()
    try:
        await asyncio.shield(ended)
    finally:
        stop.set()
        await asyncio.wait([ended], timeout=STOP_SECONDS)


def _settle(future: asyncio.Future[None], error: RuntimeError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # looked at, for at a stop nobody does


async def _watch(namespaces: tuple[str, ...], told: Told, kubeconfig: Path | None, stop: threading.Event) -> None:
    registry = kopf.OperatorRegistry()
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    # Looking out for new namespaces and CRDs would need rights over both, and none of them changes what is watched.
    settings.scanning.disabled = True
    settings.persistence.finalizer = "semanticrouter.dev/operator"
    settings.persistence.progress_storage = kopf.StatusProgressStorage()
    # kopf renews a watch after this time, so that one which froze silently (kopf #1145) comes back by itself.
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30

    async def changed(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - kopf's name
        metadata = body["metadata"]
        told((metadata["namespace"], metadata["name"]), None if type == "DELETED" else int(metadata["resourceVersion"]))

    kopf.on.event("semanticrouter.dev", "v1alpha1", "semanticrouters", registry=registry)(changed)
    if kubeconfig is not None:
        os.environ["KUBECONFIG"] = str(kubeconfig)
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig if kubeconfig is not None else kopf.login_via_client)
    await kopf.operator(
        registry=registry,
        settings=settings,
        standalone=True,
        # Without one kopf asks for the name of the user, who has none in a pod.
        identity=cast("Any", "semantic-router-operator"),
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
