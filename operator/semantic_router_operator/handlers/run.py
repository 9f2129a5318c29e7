"""The operator as a process: election, watching, reconciling, health; stops on SIGTERM and SIGINT."""

import asyncio
import os
import signal
import socket
import time
import uuid
from collections.abc import Awaitable, Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import structlog

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.lease import LeaseElection
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.handlers import health
from semantic_router_operator.handlers.freshness import KIND, Freshness
from semantic_router_operator.handlers.metrics import LEADER
from semantic_router_operator.handlers.queue import Key, WorkQueue
from semantic_router_operator.handlers.reconciler import Reconciler
from semantic_router_operator.handlers.watch import watch
from semantic_router_operator.handlers.webhook import Webhook
from semantic_router_operator.plan.diagnosis import PATIENCE_SECONDS
from semantic_router_operator.render.facts import DEFAULT_IMAGE, DEFAULT_OPERATOR_IMAGE

# How often the watch is compared with a list (of metadata).
CHECK_SECONDS = 60.0

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
    diagnose_after_seconds: float = PATIENCE_SECONDS,
    image: str = DEFAULT_IMAGE,
    operator_image: str = DEFAULT_OPERATOR_IMAGE,
    connect_to: Mapping[str, str] = MappingProxyType({}),
    webhook_port: int | None = None,
    webhook_configuration: str = "semantic-router-operator",
    webhook_certificates: Path | None = None,
) -> int:
    """Runs until a signal (exit code 0) or until leadership is lost (1; the pod's restart policy starts anew).

    Empty `namespaces` means the whole cluster. The doctor is called for a resource that is not ready for
    `diagnose_after_seconds`. `connect_to` leads addresses (host:port) of Milvus to others; without
    `webhook_port` there is no webhook. Raises ApiError (no access) and OSError (a port is taken).
    """
    connection = await Connection.open(kubeconfig)
    identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    queue: WorkQueue

    def wake(key: Key) -> None:
        queue.wake(key)

    def wake_soon(key: Key) -> None:
        queue.wake_soon(key)

    reconciler = Reconciler(
        connection, namespaces, wake, wake_soon, image, operator_image, identity, connect_to, diagnose_after_seconds
    )
    queue = WorkQueue(reconciler.reconcile, workers)
    namespace = lease_namespace or connection.namespace
    election = LeaseElection(connection, namespace, lease_name, identity)
    freshness = Freshness()
    stop, ready = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def stale() -> list[str]:
        kinds = health.frozen(reconciler.watches, time.monotonic())
        return [KIND, *kinds] if freshness.frozen else kinds

    servers = [await health.serve(host, health_port, metrics_port, stale, ready)]
    aside: list[asyncio.Task[None]] = []
    if webhook_port is not None:
        objects = Objects(connection, Discovery(connection))
        webhook = Webhook(objects, namespace, webhook_configuration, webhook_certificates)
        servers.append(await webhook.serve(host, webhook_port))
        aside.append(asyncio.create_task(webhook.run()))
    # A stand-by is ready as well: a rolling update of the operator waits for it while the old leader still leads.
    ready.set()
    try:
        if not await _first(stop.wait(), election.acquire()):
            return 0
        LEADER.set(1)
        work = _work(reconciler, queue, freshness, namespaces, kubeconfig, resync_seconds)
        code = await _lead(election, work, stop)
        if code == 0:
            await election.release()
        return code
    finally:
        for task in aside:
            task.cancel()
        await asyncio.gather(*aside, return_exceptions=True)
        for server in servers:
            await server.cleanup()
        await connection.close()


async def _lead(election: LeaseElection, work: Coroutine[Any, Any, None], stop: asyncio.Event) -> int:
    """Works until it is to stop (0), or leadership is lost or the work has failed (1)."""
    working = asyncio.create_task(work)
    lost = asyncio.create_task(election.hold())
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([working, lost, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in (working, lost, stopped):
        task.cancel()
    await asyncio.gather(working, lost, stopped, return_exceptions=True)
    if stopped in done:
        return 0
    if working in done and not working.cancelled():
        log.error("stopped_by_error", exc_info=working.exception())
    return 1


async def _work(
    reconciler: Reconciler,
    queue: WorkQueue,
    freshness: Freshness,
    namespaces: tuple[str, ...],
    kubeconfig: Path | None,
    resync_seconds: float,
) -> None:
    def told(key: Key, version: int | None) -> None:
        freshness.told(key, version)
        if not reconciler.is_own(key, version):
            queue.wake(key)

    await reconciler.installed()
    async with asyncio.TaskGroup() as group:
        group.create_task(reconciler.run())
        await reconciler.synced()
        group.create_task(queue.run())
        group.create_task(watch(namespaces, told, kubeconfig))
        group.create_task(_resync(reconciler, queue, freshness, namespaces, resync_seconds))


async def _resync(
    reconciler: Reconciler, queue: WorkQueue, freshness: Freshness, namespaces: tuple[str, ...], seconds: float
) -> None:
    """Wakes what the watch has not told, soon, and every resource once in `seconds`."""
    due = time.monotonic() + seconds
    while True:
        await asyncio.sleep(min(seconds, CHECK_SECONDS))
        try:
            listed = await reconciler.list_versions(namespaces)
        except ApiError as error:
            log.warning("resync_failed", reason=error.message)
            continue
        behind = freshness.compare(listed)
        if freshness.frozen:
            log.error("watch_frozen", kind=KIND, resources=len(behind))
        everything = time.monotonic() >= due
        if everything:
            due = time.monotonic() + seconds
            reconciler.look_for_kinds()
        for key in listed if everything else behind:
            queue.wake(key)


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
