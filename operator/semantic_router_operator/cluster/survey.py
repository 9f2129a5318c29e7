"""Looks at everything that the doctor wants to know of one resource: reads only, each question limited in time."""

import asyncio
import base64
import binascii
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.cluster.secrets import state_of
from semantic_router_operator.doctor.survey import Json, SecretFacts, Survey
from semantic_router_operator.plan.key import API_VERSION, KIND, ObjectKey
from semantic_router_operator.plan.probed import Probed

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
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("milvus.io/v1beta1", "Milvus"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
)
# Listed in all namespaces: leaders, and what selects by label from anywhere.
_EVERYWHERE = (
    ("storage.k8s.io/v1", "StorageClass"),
    ("coordination.k8s.io/v1", "Lease"),
    ("monitoring.coreos.com/v1", "Prometheus"),
)
_ONLY_SERVED = (("monitoring.coreos.com/v1", "PrometheusRule"),)
_OUR_LEASE = "metadata.name=semantic-router-operator"


async def survey(
    connection: Connection, namespace: str, name: str, secrets: Iterable[str], probed: Probed | None = None
) -> Survey:
    """Return what was seen; never raises. What may not be read or does not answer in time is named in `unreadable`."""
    discovery = Discovery(connection)
    objects = Objects(connection, discovery)
    listed: dict[str, tuple[Json, ...]] = {}
    unreadable: dict[str, str] = {}
    unserved: set[str] = set()

    async def one(api_version: str, kind: str, where: str | None) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                listed[kind] = tuple(await _list(connection, discovery, api_version, kind, where))
        except UnknownKindError:
            unserved.add(kind)
        except ApiError as error:
            unreadable[kind] = error.message
        except TimeoutError:
            unreadable[kind] = f"no answer within {SECONDS:g} s"

    async with asyncio.TaskGroup() as group:
        resource = group.create_task(_resource(objects, namespace, name, unreadable, unserved))
        offset = group.create_task(clock_offset(connection))
        for places, kinds in ((namespace, _NAMESPACED), (None, _EVERYWHERE)):
            for kind in kinds:
                group.create_task(one(*kind, places))
    for kind in _ONLY_SERVED:
        if not await discovery.served([kind]):
            unserved.add(kind[1])
    return Survey(
        namespace=namespace,
        name=name,
        now=datetime.now(UTC),
        resource=resource.result(),
        objects=listed,
        unreadable=unreadable,
        unserved=frozenset(unserved),
        secrets=await _secrets(objects, namespace, secrets, unreadable),
        probed=probed,
        clock_offset=offset.result(),
    )


async def clock_offset(connection: Connection) -> float | None:
    """Return the API server's clock minus this machine's, in seconds; None where it does not tell."""
    before = time.time()
    try:
        server = await connection.date()
    except ApiError:
        return None
    # An HTTP date is cut to the second, so on average half a second has passed since.
    return None if server is None else server + 0.5 - (before + time.time()) / 2


async def _resource(
    objects: Objects, namespace: str, name: str, unreadable: dict[str, str], unserved: set[str]
) -> Json | None:
    try:
        async with asyncio.timeout(SECONDS):
            return await objects.get(ObjectKey(API_VERSION, KIND, namespace, name))
    except UnknownKindError:
        unserved.add(KIND)
    except ApiError as error:
        unreadable[KIND] = error.message
    except TimeoutError:
        unreadable[KIND] = f"no answer within {SECONDS:g} s"
    return None


async def _list(
    connection: Connection, discovery: Discovery, api_version: str, kind: str, namespace: str | None
) -> list[Json]:
    resource = await discovery.resource(api_version, kind)
    query = {"limit": "500"} | ({"fieldSelector": _OUR_LEASE} if kind == "Lease" else {})
    found: list[dict[str, Any]] = []
    while True:
        answer = await connection.request("GET", resource.path(namespace), query, attempts=1)
        # A list's items do not say what they are.
        found += [{"apiVersion": api_version, "kind": kind, **item} for item in answer.get("items") or ()]
        more = (answer.get("metadata") or {}).get("continue")
        if not more:
            return list(found)
        query["continue"] = more


async def _secrets(
    objects: Objects, namespace: str, names: Iterable[str], unreadable: dict[str, str]
) -> dict[str, SecretFacts | None]:
    found: dict[str, SecretFacts | None] = {}
    for name in sorted(set(names)):
        try:
            async with asyncio.timeout(SECONDS):
                raw = await objects.get(ObjectKey("v1", "Secret", namespace, name))
        except ApiError as error:
            unreadable["Secret"] = error.message
            continue
        except TimeoutError:
            unreadable["Secret"] = f"no answer within {SECONDS:g} s"
            continue
        found[name] = None if raw is None else secret_facts(raw)
    return found


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
