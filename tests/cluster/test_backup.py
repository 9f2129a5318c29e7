"""Backups on a real API server: the operator, the router, the Jobs' commands and the S3 server are real; what is
missing is a kubelet, whose part the test does."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.cluster.node import Node
from tests.object_store.server import S3Server

Json = dict[str, Any]
BUCKET = "backups"
GOOD: Json = {"operation": "backup", "outcome": "succeeded", "rows": 1, "bytes": 2, "message": "One entry is saved."}
BAD: Json = {
    "operation": "backup",
    "outcome": "failed",
    "reason": "CredentialsRefused",
    "message": "The object store does not take the keys.",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3Server]:
    server = S3Server(tmp_path / "s3")
    server.make_bucket(BUCKET)
    yield server
    server.stop()


def _backup(kubectl: Kubectl) -> Json:
    return dict(((kubectl.get("sr/semantic-router") or {}).get("status") or {}).get("backup") or {})


def _on_demand(kubectl: Kubectl, name: str, router: str = "semantic-router") -> None:
    spec = {"routerRef": {"name": router}}
    head = {"apiVersion": "semanticrouter.dev/v1alpha1", "kind": "SemanticCacheBackup"}
    kubectl("create", "-f", "-", stdin={**head, "metadata": {"name": name}, "spec": spec})


def _phase(kubectl: Kubectl, name: str, phase: str, reason: str) -> Json:
    """The status of a backup on demand, once it has this phase for this reason."""

    def there() -> Json | None:
        status = dict((kubectl.get("scb", name) or {}).get("status") or {})
        told = {each["reason"] for each in status.get("conditions") or ()}
        return status if (status.get("phase"), told) == (phase, {reason}) else None

    return dict(eventually(there, 60) or {})


def _scheduled(kubectl: Kubectl, name: str) -> None:
    """A Job of the CronJob, as its time makes it."""
    kubectl("create", "job", f"semantic-router-backup-{name}", "--from=cronjob/semantic-router-backup")


def _keys(kubectl: Kubectl, keys: tuple[str, str]) -> None:
    named = {"accesskey": keys[0], "secretkey": keys[1]}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in named.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "store-keys"}, "data": data}
    kubectl("apply", "-f", "-", stdin=secret)


def _metric(url: str, name: str) -> float | None:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http
        lines = [each for each in answer.read().decode().splitlines() if each.startswith(f"{name}{{")]
    return float(lines[0].rpartition(" ")[2]) if lines else None


@pytest.mark.timeout(600)
def test_a_cache_is_saved_and_what_comes_of_it_is_told(
    kubectl: Kubectl, operators: Operators, node: Node, store: S3Server, model: str, resource: Json
) -> None:
    operator = operators.start()
    kubectl("create", "secret", "generic", "admin", "--from-literal=token=let-me-in")
    _on_demand(kubectl, "nobody", "gone")
    assert "no SemanticRouter/gone" in _phase(kubectl, "nobody", "Pending", "NoSuchRouter")["message"]
    resource["spec"] |= {
        "router": {"replicas": 1, "adminTokenSecretRef": {"name": "admin", "key": "token"}},
        "providers": [{"name": "vllm", "baseURL": model}],
    }
    kubectl("apply", "-f", "-", stdin=resource)
    _on_demand(kubectl, "early")
    assert "spec.backup" in _phase(kubectl, "early", "Pending", "NoStore")["message"]
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    (pod,) = node.settle(1)
    body = {"model": "auto", "messages": [{"role": "user", "content": "How do I bake rye bread?"}]}
    request = urllib.request.Request(
        f"http://{pod.address}:8801/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - http

    # A store of which nobody has given the keys yet: nothing begins, and the resource says why.
    s3 = {"endpoint": store.endpoint, "bucket": BUCKET, "credentialsSecretRef": {"name": "store-keys"}}
    spec = {"spec": {"backup": {"schedule": "0 2 * * *", "s3": s3}}}
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", json.dumps(spec))
    eventually(lambda: condition(kubectl, "BackupHealthy").get("reason") == "SecretInvalid")
    assert "store-keys" in _phase(kubectl, "early", "Pending", "SecretInvalid")["message"]
    _keys(kubectl, store.keys)

    # The one on demand begins by itself now; it is made once, though the operator dies meanwhile.
    job = _phase(kubectl, "early", "Running", "Running")["job"]
    eventually(lambda: kubectl.get(f"job/{job}"))
    operator.kill()
    node.run_job(job.rpartition("-")[2], "backup")
    operator = operators.again(operator)
    saved = _phase(kubectl, "early", "Succeeded", "Succeeded")
    assert saved["rows"] == 1
    assert f"semantic-router/{saved['backupName']}/backup.json" in "".join(store.keys_of(BUCKET))
    assert len(kubectl("get", "jobs", "-o", "name").split()) == 1
    eventually(lambda: condition(kubectl, "BackupHealthy").get("status") == "True")
    told = _backup(kubectl)
    assert (told["lastName"], told["lastRows"], told["engine"]) == (saved["backupName"], 1, "export")
    assert told["nextTime"].endswith("T02:00:00Z")
    assert kubectl.get("cronjob/semantic-router-backup")["spec"]["suspend"] is False  # type: ignore[index]

    # A failure, of the schedule this time; counted once, by whoever is there after it.
    _scheduled(kubectl, "first")
    _on_demand(kubectl, "second")
    _phase(kubectl, "second", "Pending", "Busy")
    operator.kill()
    node.fail_job("first", "backup", 1, json.dumps(BAD))
    operator = operators.again(operator)
    eventually(lambda: condition(kubectl, "BackupHealthy").get("reason") == "CredentialsRefused")
    assert saved["backupName"] in condition(kubectl, "BackupHealthy")["message"]
    failing = "semantic_router_operator_backup_failures"
    eventually(lambda: _metric(operator.metrics, failing) == 1)
    assert _backup(kubectl)["lastName"] == saved["backupName"]
    events = kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.reason} {.type}{'\\n'}{end}")
    assert "CredentialsRefused Warning" in events

    # What had to wait begins after that, and mends it.
    job = _phase(kubectl, "second", "Running", "Running")["job"]
    node.run_job(job.rpartition("-")[2], "backup")
    assert _phase(kubectl, "second", "Succeeded", "Succeeded")["backupName"] != saved["backupName"]
    eventually(lambda: _metric(operator.metrics, failing) == 0)
    eventually(lambda: condition(kubectl, "BackupHealthy").get("status") == "True")
    refused = kubectl.run("patch", "scb/second", "--type=merge", "-p", '{"spec":{"engine":"export"}}')
    assert "cannot be changed" in refused.stderr

    # What has been saved is looked through on trial.
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", '{"spec":{"backup":{"verify":"weekly"}}}')
    eventually(lambda: kubectl.get("cronjob/semantic-router-drill"))
    kubectl("create", "job", "semantic-router-drill-one", "--from=cronjob/semantic-router-drill")
    node.run_job("one", "drill")
    eventually(lambda: _backup(kubectl).get("lastVerifiedTime"))
    assert condition(kubectl, "BackupHealthy")["status"] == "True"

    # While it hibernates nothing changes, and no backup begins.
    kubectl("annotate", "sr/semantic-router", "semanticrouter.dev/hibernate=on")
    eventually(lambda: (kubectl.get("cronjob/semantic-router-backup") or {})["spec"]["suspend"])
    eventually(lambda: condition(kubectl, "BackupHealthy").get("reason") == "Hibernating")
    assert "nextTime" not in _backup(kubectl)


def test_volumes_are_cut_after_a_backup(kubectl: Kubectl, operators: Operators, node: Node, resource: Json) -> None:
    operators.start()
    for name in ("semantic-router-minio", "data-semantic-router-etcd-0", "semantic-router-data"):
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        head = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}}
        kubectl("create", "-f", "-", stdin={**head, "spec": claim})
    keys = ("--from-literal=accesskey=a", "--from-literal=secretkey=b")
    kubectl("create", "secret", "generic", "semantic-router-minio", *keys)
    resource["spec"] |= {"milvus": {"managed": {}}, "cache": {}, "backup": {"snapshots": {"className": "fast"}}}
    resource["spec"]["backup"]["preset"] = "staging"
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("cronjob/semantic-router-backup"))
    for number in (1, 2, 3):
        name = f"sr_2026112{number}_020000_a"
        _scheduled(kubectl, f"n{number}")
        node.fail_job(f"n{number}", "backup", 0, json.dumps({**GOOD, "name": name}))
        cut = dict(eventually(lambda name=name: _snapshots(kubectl, name)) or {})  # type: ignore[misc]
        assert set(cut) == {"semantic-router-minio", "data-semantic-router-etcd-0"}
        for each in cut.values():
            assert each["metadata"]["annotations"]["semanticrouter.dev/consistency"] == "crash-consistent"
            assert each["spec"]["volumeSnapshotClassName"] == "fast"
            patch = ("--subresource=status", "--type=merge", "-p", '{"status":{"readyToUse":true}}')
            kubectl("patch", "volumesnapshot", each["metadata"]["name"], *patch)
        eventually(lambda name=name: _told(kubectl) == (name, 2, "Crash"))  # type: ignore[misc]
    # Two of each volume are kept.
    eventually(lambda: not _snapshots(kubectl, "sr_20261121_020000_a"))
    assert len(_snapshots(kubectl, "sr_20261122_020000_a")) == 2


def _snapshots(kubectl: Kubectl, backup: str) -> dict[str, Json]:
    """The snapshots of a backup, by their volume's claim; none until there are two."""
    found = (kubectl.get("volumesnapshots", "-l", f"semanticrouter.dev/backup={backup}") or {}).get("items", [])
    there = {each["spec"]["source"]["persistentVolumeClaimName"]: each for each in found}
    return there if len(there) >= 2 else {}


def _told(kubectl: Kubectl) -> tuple[str, int, str]:
    seen = _backup(kubectl).get("snapshots") or {}
    return str(seen.get("backup")), int(seen.get("ready", 0)), str(seen.get("consistency"))
