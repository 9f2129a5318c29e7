"""A cache is backed up into an S3 store by Jobs that run as pods."""

from typing import Any

from e2e.test_milvus import QUESTION
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


def _ended(world: World, namespace: str, kind: str, name: str) -> dict[str, Any]:
    """Its status once it is over."""

    def status() -> dict[str, Any] | None:
        found = world.get(kind, name, "-n", namespace).get("status", {})
        return found if found.get("phase") in ("Succeeded", "Failed") else None

    return dict(eventually(status) or {})


def test_a_backup_on_demand_reaches_the_store(world: World, namespace: str) -> None:
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
    assert world.ask(namespace, "semantic-router", QUESTION)[0]["text"]

    backup = {"apiVersion": HYBRID["apiVersion"], "metadata": {"name": "before"}, "kind": "SemanticCacheBackup"}
    world.apply(namespace, {**backup, "spec": {"routerRef": {"name": "semantic-router"}}})
    made = _ended(world, namespace, "semanticcachebackup", "before")
    assert made["phase"] == "Succeeded", made
    assert made["rows"] == 1
    assert made["backupName"] in world.run_in_client(namespace, _KEYS, store, _BUCKET)
    assert "k3y-of-the-store" not in str(world.get("configmaps", "-n", namespace)["items"])
