"""The loop: every so often, every Milvus is looked at, as milvus-operator polls what it cannot watch."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.plan.difference import differences
from tests.milvus_operator import faults
from tests.milvus_operator.defaults import FINALIZER, filled
from tests.milvus_operator.objects import dependencies, own

Json = dict[str, Any]
GROUP = "/apis/milvus.io/v1beta1"
MANAGER = "milvus-operator"
MERGE = "application/merge-patch+json"
_PLURALS = {
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
}
# The real one reports the dependencies with its first probe, and makes its own Deployments after that.
_FIRST = ("MilvusReady", "MilvusUpdated")
_DEPENDENCIES = ("EtcdReady", "StorageReady", "MsgStreamReady")
# The reasons that it has: all is well, or not.
_REASONS = {
    "EtcdReady": ("EtcdReady", "EtcdNotReady"),
    "StorageReady": ("StorageReady", "ClientError"),
    "MsgStreamReady": ("MsgStreamReady", "ConnectionFailed"),
    "MilvusReady": ("ReasonMilvusHealthy", "MilvusComponentNotHealthy"),
    "MilvusUpdated": ("MilvusComponentsUpdated", "MilvusComponentsUpdating"),
}


class StandIn:
    """`kubelet`: it plays that as well, and every pod is ready at once. `image` runs in place of Milvus' own."""

    def __init__(self, connection: Connection, namespace: str | None, kubelet: bool, image: str | None) -> None:
        self._connection = connection
        self._kubelet = kubelet
        self._image = image
        self._all = f"{GROUP}/namespaces/{namespace}/milvuses" if namespace else f"{GROUP}/milvuses"

    async def run(self, seconds: float) -> None:
        """Looks at all of them until cancelled, with a pause of `seconds` in between."""
        while True:
            with contextlib.suppress(ApiError):
                for milvus in (await self._connection.request("GET", self._all)).get("items") or ():
                    with contextlib.suppress(ApiError):
                        await self._look(milvus)
            await asyncio.sleep(seconds)

    async def _look(self, milvus: Json) -> None:
        namespace, name = milvus["metadata"]["namespace"], milvus["metadata"]["name"]
        path = f"{GROUP}/namespaces/{namespace}/milvuses/{name}"
        if milvus["metadata"].get("deletionTimestamp"):
            await self._delete(milvus, path)
            return
        if faults.frozen(milvus):
            return
        whole = filled(milvus)
        if whole != milvus:
            # By an update, not by an apply: it becomes the owner of what nobody else sent.
            await self._connection.request("PUT", path, {"fieldManager": MANAGER}, whole)
            return
        if FINALIZER not in milvus["metadata"].get("finalizers", ()):
            return
        if not milvus.get("status"):
            # The beginning: nothing yet of the generation that it has seen.
            began = {"status": "Pending", "currentImage": milvus["spec"]["components"]["image"]}
            await self._connection.request("PATCH", f"{path}/status", {}, {"status": began}, content_type=MERGE)
        for obj in dependencies(milvus):
            await self._make(namespace, obj, only_once=obj["kind"] != "PersistentVolumeClaim")
        told = {each["type"]: each["status"] for each in (milvus.get("status") or {}).get("conditions") or ()}
        ready = all(told.get(kind) == "True" for kind in _DEPENDENCIES)
        # What waits for a dependency waits in silence: it is reported as done.
        if ready and faults.PODS_STUCK not in faults.annotations(milvus):
            for obj in own(milvus, self._image):
                await self._make(namespace, obj)
        await self._report(milvus, path, namespace)

    async def _make(self, namespace: str, obj: Json, only_once: bool = False) -> None:
        path = f"{_PLURALS[obj['kind']].format(namespace)}/{obj['metadata']['name']}"
        there = await self._get(path)
        if there is None or not (only_once or not differences(obj, there)):
            if there is not None and obj["kind"] == "PersistentVolumeClaim":
                obj = self._grown(obj, there)
            body = {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}
            query = {"fieldManager": MANAGER, "force": "true"}
            await self._connection.request("PATCH", path, query, body, content_type="application/apply-patch+yaml")
        if self._kubelet and obj["kind"] == "Deployment":
            await self._ready(path)

    @staticmethod
    def _grown(obj: Json, there: Json) -> Json:
        """A StatefulSet leaves claims alone that are there; of a chart with a claim of its own the size is taken."""
        if obj["metadata"]["name"].startswith(("data-", "export-")) or "pulsar" in obj["metadata"]["name"]:
            obj = {**obj, "spec": {**obj["spec"], "resources": there["spec"]["resources"]}}
        return obj

    async def _ready(self, path: str) -> None:
        """The kubelet's part: every pod of the Deployment runs and is ready."""
        deployment = await self._get(path)
        if deployment is None:
            return
        labels = deployment["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        pods = f"/api/v1/namespaces/{deployment['metadata']['namespace']}/pods"
        for pod in (await self._connection.request("GET", pods, {"labelSelector": selector})).get("items") or ():
            if pod.get("status", {}).get("phase") == "Running" or pod["metadata"].get("deletionTimestamp"):
                continue
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
            status = {"status": {"phase": "Running", "conditions": [ready]}}
            place = f"{pods}/{pod['metadata']['name']}/status"
            await self._connection.request("PATCH", place, {}, status, content_type=MERGE)

    async def _report(self, milvus: Json, path: str, namespace: str) -> None:
        before = {each["type"]: each for each in (milvus.get("status") or {}).get("conditions") or ()}
        states = {kind: faults.down(milvus, kind) for kind in faults.CONDITIONS}
        pods = await self._pods_ready(milvus, namespace)
        states["MilvusReady"] = states["MilvusReady"] or (None if pods else "[standalone] not ready")
        states["MilvusUpdated"] = None if pods else "Milvus components[standalone] are updating"
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = []
        for kind in (*_FIRST, *(_DEPENDENCIES if before else ())):
            problem = states[kind]
            state = "False" if problem else "True"
            old = before.get(kind, {})
            since = old.get("lastTransitionTime", now) if old.get("status") == state else now
            reason = _REASONS[kind][problem is not None]
            conditions.append({"type": kind, "status": state, "reason": reason, "message": problem or "",
                               "lastTransitionTime": since})  # fmt: skip
        unhealthy = "Pending" if (milvus.get("status") or {}).get("status") in (None, "Pending") else "Unhealthy"
        status: Json = {
            "conditions": conditions,
            "observedGeneration": milvus["metadata"]["generation"],
            # It ignores the dependencies, once Milvus has been healthy.
            "status": "Healthy" if pods else unhealthy,
            "currentImage": milvus["spec"]["components"]["image"],
            "endpoint": f"{milvus['metadata']['name']}-milvus.{namespace}:19530",
        }
        if status != milvus.get("status"):
            await self._connection.request("PATCH", f"{path}/status", {}, {"status": status}, content_type=MERGE)

    async def _pods_ready(self, milvus: Json, namespace: str) -> bool:
        names = [each["metadata"]["name"] for each in own(milvus) if each["kind"] == "Deployment"]
        found = [await self._get(f"{_PLURALS['Deployment'].format(namespace)}/{name}") for name in names]
        return all(each is not None and _as_wanted(each) for each in found)

    async def _delete(self, milvus: Json, path: str) -> None:
        namespace, spec = milvus["metadata"]["namespace"], milvus["spec"]
        policies = {kind: (part.get("inCluster") or {}) for kind, part in spec["dependencies"].items()
                    if isinstance(part, dict)}  # fmt: skip
        for obj in dependencies(milvus):
            kind = next((each for each in ("etcd", "pulsar") if each in obj["metadata"]["name"]), "storage")
            policy = policies[kind]
            claim = obj["kind"] == "PersistentVolumeClaim"
            if policy.get("deletionPolicy") == "Delete" and (not claim or policy.get("pvcDeletion")):
                with contextlib.suppress(ApiError):
                    place = f"{_PLURALS[obj['kind']].format(namespace)}/{obj['metadata']['name']}"
                    await self._connection.request("DELETE", place)
                    if claim:
                        # The API server protects claims by a finalizer, which a controller takes away.
                        body: Json = {"metadata": {"finalizers": None}}
                        await self._connection.request("PATCH", place, {}, body, content_type=MERGE)
        kept = [each for each in milvus["metadata"].get("finalizers", ()) if each != FINALIZER]
        change: Json = {"metadata": {"finalizers": kept}}
        await self._connection.request("PATCH", path, {}, change, content_type=MERGE)

    async def _get(self, path: str) -> Json | None:
        try:
            return await self._connection.request("GET", path)
        except ApiError as error:
            if error.not_found:
                return None
            raise


def _as_wanted(deployment: Json) -> bool:
    status = deployment.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"]["generation"])
    return seen and int(status.get("readyReplicas") or 0) >= int(deployment["spec"]["replicas"])
