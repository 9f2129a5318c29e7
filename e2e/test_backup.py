"""A cache is backed up into an S3 store, lost, and brought back, by Jobs that run as pods, while clients ask."""

import itertools
from typing import Any

from e2e.test_milvus import QUESTION, a_hit_on_every_pod
from e2e.test_milvus import RESOURCE as HYBRID
from e2e.world import OBJECTS, World, eventually

_BUCKET = "cache-backups"
_MAKE_BUCKET = """
import sys, boto3
boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="key",
             aws_secret_access_key="secret").create_bucket(Bucket=sys.argv[2])
"""
_KEYS = """
import sys, boto3
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="key",
                  aws_secret_access_key="secret")
print(*(each["Key"] for each in s3.list_objects_v2(Bucket=sys.argv[2]).get("Contents", ())))
"""
_DROP = """
import sys
from pymilvus import MilvusClient
client = MilvusClient(f"http://{sys.argv[1]}", token="root:Milvus", timeout=60)
for name in client.list_collections():
    client.delete(name, filter="id != ''")
    client.flush(name)
"""


def _ended(world: World, namespace: str, kind: str, name: str) -> dict[str, Any]:
    """Its status once it is over."""

    def status() -> dict[str, Any] | None:
        found = world.get(kind, name, "-n", namespace).get("status", {})
        return found if found.get("phase") in ("Succeeded", "Failed") else None

    return dict(eventually(status) or {})


def _good_backup(world: World, namespace: str, name: str) -> dict[str, Any] | None:
    """The status of a backup that is made now, None where it fails."""
    backup = {"apiVersion": HYBRID["apiVersion"], "metadata": {"name": name}, "kind": "SemanticCacheBackup"}
    world.apply(namespace, {**backup, "spec": {"routerRef": {"name": "semantic-router"}}})
    made = _ended(world, namespace, "semanticcachebackup", name)
    assert made["message"]
    return made if made["phase"] == "Succeeded" else None


def test_a_lost_cache_comes_back(world: World, namespace: str) -> None:
    world.apply_file(namespace, OBJECTS / "milvus.yaml")
    world.apply_file(namespace, OBJECTS / "object-store.yaml")
    for name, first, second in (("milvus-auth", "username=root", "password=Milvus"),
                                ("store", "accesskey=key", "secretkey=k3y-of-the-store")):  # fmt: skip
        literals = [f"--from-literal={first}", f"--from-literal={second}"]
        world.kubectl("create", "secret", "generic", name, "-n", namespace, *literals)
    world.wait(namespace, "deployment/object-store", "--for=condition=Available")
    store = f"http://object-store.{namespace}.svc:9000"
    world.run_in_client(namespace, _MAKE_BUCKET, store, _BUCKET)
    world.wait(namespace, "pod/milvus-0", "--for=condition=Ready")
    s3 = {"endpoint": store, "bucket": _BUCKET, "credentialsSecretRef": {"name": "store"}}
    spec = {**HYBRID["spec"], "router": {"replicas": 2}, "backup": {"schedule": "0 2 * * *", "s3": s3}}
    world.apply(namespace, {**HYBRID, "spec": spec})
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    (first,) = world.ask(namespace, "semantic-router", QUESTION)

    # Milvus has begun to answer.
    a_hit_on_every_pod(world, namespace, 2)

    # One that finds Milvus too slow fails and says so; the next one may find it well.
    numbers = itertools.count(1)
    made = eventually(lambda: _good_backup(world, namespace, f"backup-{next(numbers)}"))
    assert made["rows"] >= 2
    assert made["backupName"] in world.run_in_client(namespace, _KEYS, store, _BUCKET)
    assert "k3y-of-the-store" not in str(world.get("configmaps", "-n", namespace)["items"])

    world.run_with_pymilvus(_DROP, f"milvus.{namespace}.svc:19530")
    world.kubectl("delete", "pod", "-n", namespace, "-l", "app=semantic-router", "--wait=true")
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    asked = world.load(namespace, "semantic-router", "What is a semantic cache?")
    restore = {"apiVersion": HYBRID["apiVersion"], "metadata": {"name": "after"}, "kind": "SemanticCacheRestore"}
    chosen = {"backup": {"name": made["backupName"]}, "validation": {"windowSeconds": 20}}
    world.apply(namespace, {**restore, "spec": {"routerRef": {"name": "semantic-router"}, **chosen}})
    brought = _ended(world, namespace, "semanticcacherestore", "after")
    assert brought["phase"] == "Succeeded", brought
    counts = asked.result()
    assert counts["failures"] == 0, counts
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    (again,) = world.ask(namespace, "semantic-router", QUESTION)
    assert (again["cache"], again["text"]) == ("hit", first["text"])
