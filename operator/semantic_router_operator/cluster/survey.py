"""Looks at everything that the doctor wants to know of one resource: reads only, each question limited in time."""

import asyncio
import base64
import binascii
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.cluster.router_answers import router_answers
from semantic_router_operator.cluster.secrets import state_of
from semantic_router_operator.doctor.survey import PODS_PROXY, Json, SecretFacts, Survey, labels
from semantic_router_operator.plan.key import API_VERSION, KIND, ObjectKey
from semantic_router_operator.plan.probed import Probed
from semantic_router_operator.plan.seen import milvus_of

SECONDS = 10.0
_NAMESPACED = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "Event"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ResourceQuota"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    (API_VERSION, "SemanticCacheBackup"),
    (API_VERSION, "SemanticCacheRestore"),
    ("milvus.io/v1beta1", "Milvus"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
)
# Listed in all namespaces: leaders, and what selects by label from anywhere.
_EVERYWHERE = (
    ("storage.k8s.io/v1", "StorageClass"),
    ("coordination.k8s.io/v1", "Lease"),
    ("monitoring.coreos.com/v1", "Prometheus"),
)
_ONLY_SERVED = (
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
)
_OUR_LEASE = "metadata.name=semantic-router-operator"


async def survey(
    connection: Connection,
    namespace: str,
    name: str,
    secrets_of: Callable[[Json], Mapping[str, frozenset[str]]],
    probed: Probed | None = None,
) -> Survey:
    """Return what was seen; never raises. What may not be read or does not answer in time is named in `unreadable`.

    `secrets_of` gives the Secrets that the resource refers to, with the keys that it needs of each. Who has not
    `probed` routers and Milvus gets what routers say through the API server, and of Milvus what the status says.
    """
    objects = Objects(connection, Discovery(connection))
    resource: Json | None = None
    listed: dict[str, tuple[Json, ...]] = {}
    secrets: dict[str, SecretFacts | None] = {}
    wanted: dict[str, frozenset[str]] = {}
    unreadable: dict[str, str] = {}
    unserved: set[str] = set()

    @contextlib.asynccontextmanager
    async def noting(kind: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(SECONDS):
                yield
        except UnknownKindError:
            unserved.add(kind)
        except ApiError as error:
            unreadable[kind] = error.message
        except TimeoutError:
            unreadable[kind] = f"no answer within {SECONDS:g} s"

    async def read() -> None:
        nonlocal resource
        async with noting(KIND):
            resource = await objects.get(ObjectKey(API_VERSION, KIND, namespace, name))
        wanted.update(secrets_of(resource) if resource is not None else {})
        for secret in sorted(wanted):
            async with noting("Secret"):
                raw = await objects.get(ObjectKey("v1", "Secret", namespace, secret))
                secrets[secret] = None if raw is None else secret_facts(raw)

    async def list_all(api_version: str, kind: str, where: str | None) -> None:
        query = {"fieldSelector": _OUR_LEASE} if kind == "Lease" else {}
        async with noting(kind):
            items = await objects.list_objects(api_version, kind, where, query, attempts=1)
            # A list's items do not say what they are.
            listed[kind] = tuple({"apiVersion": api_version, "kind": kind, **item} for item in items)

    async def look_for(api_version: str, kind: str) -> None:
        async with noting(kind):
            await objects.discovery.resource(api_version, kind)

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        offset = group.create_task(clock_offset(connection))
        for place, kinds in ((namespace, _NAMESPACED), (None, _EVERYWHERE)):
            for each in kinds:
                group.create_task(list_all(*each, place))
        for each in _ONLY_SERVED:
            group.create_task(look_for(*each))
    if probed is None and resource is not None:
        states = None
        async with noting(PODS_PROXY):
            states = await router_answers(connection, namespace, _routers(name, listed.get("Pod", ())), SECONDS / 2)
        probed = Probed(states, milvus_of(resource))
    return Survey(
        namespace=namespace,
        name=name,
        now=datetime.now(UTC),
        resource=resource,
        objects=listed,
        unreadable=unreadable,
        unserved=frozenset(unserved),
        secrets=secrets,
        secret_keys=wanted,
        probed=probed,
        clock_offset=offset.result(),
    )


def _routers(name: str, pods: Iterable[Json]) -> list[Json]:
    return [each for each in pods if labels(each).get("app.kubernetes.io/instance") == name]


async def clock_offset(connection: Connection) -> float | None:
    """Return the API server's clock minus this machine's, in seconds; None where it does not tell."""
    before = time.time()
    try:
        server = await connection.date()
    except ApiError:
        return None
    # An HTTP date is cut to the second, so on average half a second has passed since.
    return None if server is None else server + 0.5 - (before + time.time()) / 2


def secret_facts(raw: Mapping[str, Any]) -> SecretFacts:
    """Return what may be known about a Secret's content."""
    state = state_of(raw)
    expires: dict[str, datetime] = {}
    for key, encoded in (raw.get("data") or {}).items():
        if key.endswith(".crt") and key not in state.malformed:
            try:
                ends = _ends(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                continue
            if ends is not None:
                expires[key] = ends
    return SecretFacts(str(raw["metadata"]["name"]), state.keys, state.malformed, expires)


def _ends(pem: bytes) -> datetime | None:
    """Return when the first certificate of a PEM text to end does so."""
    # Late: only the doctor looks into certificates.
    from cryptography.x509 import load_pem_x509_certificates

    return min((each.not_valid_after_utc for each in load_pem_x509_certificates(pem)), default=None)
