"""The operator as a process: election, watching, reconciling, health; stops on SIGTERM and SIGINT."""

import asyncio
import os
import signal
import socket
import threading
import uuid
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import structlog

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.lease import LeaseElection
from semantic_router_operator.handlers import health
from semantic_router_operator.handlers.queue import WorkQueue
from semantic_router_operator.handlers.reconciler import Reconciler
from semantic_router_operator.handlers.watch import watch
from semantic_router_operator.render.facts import DEFAULT_IMAGE

log = structlog.get_logger()


async def run_operator(
    namespaces: tuple[str, ...] = (),
    *,
    kubeconfig: Path | None = None,
    lease_namespace: str | None = None,
    lease_name: str = "semantic-router-operator",
    host: str = "0.0.0.0",  # noqa: S104 - the kubelet probes the pod's address
    health_port: int = 8080,
    metrics_port: int = 9090,
    workers: int = 8,
    resync_seconds: float = 600.0,
    image: str = DEFAULT_IMAGE,
) -> int:
    """Runs until a signal (exit code 0) or until leadership is lost (1; the pod's restart policy starts anew).

    Empty `namespaces` means the whole cluster. Raises ApiError (no access) and OSError (a port is taken).
    """
    connection = await Connection.open(kubeconfig)
    identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    queue: WorkQueue

    def wake(key: tuple[str, str]) -> None:
        queue.wake(key)

    reconciler = Reconciler(connection, namespaces, wake, image, identity)
    queue = WorkQueue(reconciler.reconcile, workers)
    election = LeaseElection(connection, lease_namespace or connection.namespace, lease_name, identity)
    stop, ready = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await health.serve(host, health_port, metrics_port, lambda: reconciler.watches, ready)
    # A stand-by is ready as well: a rolling update of the operator waits for it while the old leader still leads.
    ready.set()
    try:
        if not await _first(stop.wait(), election.acquire()):
            return 0
        code = await _lead(reconciler, queue, election, namespaces, kubeconfig, resync_seconds, stop)
        if code == 0:
            await election.release()
        return code
    finally:
        await server.cleanup()
        await connection.close()


async def _lead(
    reconciler: Reconciler,
    queue: WorkQueue,
    election: LeaseElection,
    namespaces: tuple[str, ...],
    kubeconfig: Path | None,
    resync_seconds: float,
    stop: asyncio.Event,
) -> int:
    stop_kopf = threading.Event()
    informing = asyncio.create_task(reconciler.run())
    await _first(stop.wait(), _synced(reconciler, informing))
    background: list[asyncio.Task[Any]] = [informing]
    kopf_task = asyncio.create_task(watch(namespaces, queue.wake, kubeconfig, stop_kopf))
    background += [
        asyncio.create_task(queue.run()),
        asyncio.create_task(_resync(reconciler, queue, namespaces, resync_seconds)),
    ]
    lost = asyncio.create_task(election.hold())
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([lost, stopped, kopf_task, *background], return_when=asyncio.FIRST_COMPLETED)
    for task in background:
        task.cancel()
    stop_kopf.set()
    await asyncio.wait([kopf_task], timeout=2)
    for task in (lost, stopped, kopf_task):
        task.cancel()
    await asyncio.gather(*background, lost, stopped, kopf_task, return_exceptions=True)
    if stopped in done:
        return 0
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            log.error("stopped_by_error", exc_info=task.exception())
    return 1


async def _synced(reconciler: Reconciler, informing: asyncio.Task[Any]) -> None:
    """Returns once all has been listed, or once the informers have ended, which no list would tell."""
    await _first(asyncio.shield(informing), reconciler.synced())


async def _resync(reconciler: Reconciler, queue: WorkQueue, namespaces: tuple[str, ...], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            for key in await reconciler.list_keys(namespaces):
                queue.wake(key)
        except ApiError as error:
            log.warning("resync_failed", reason=error.message)


async def _first(stop: Awaitable[object], work: Awaitable[object]) -> bool:
    """Waits for either; True when the work is done and nobody has asked to stop."""
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(stop), asyncio.ensure_future(work)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if tasks[1] in done:
        tasks[1].result()
    return tasks[0] not in done
