"""A cache is saved, lost and brought back: the operator, the routers, the Jobs' commands, Milvus Lite as a server and
the S3 server are real; what is missing is a kubelet, whose part the test does. The operator is killed in every step."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusClient
from tests.cluster.conftest import Kubectl, Operator, Operators, condition, eventually
from tests.cluster.kubelet import Pod
from tests.cluster.node import Node, replaced
from tests.object_store.server import S3Server

Json = dict[str, Any]
QUESTIONS = (
    "How do I bake a loaf of rye bread at home?",
    "Which tools are needed to repair a bicycle chain?",
    "Why does the moon look larger near the horizon?",
)
BUCKET = "backups"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3Server]:
    folder = tmp_path / "s3"
    folder.mkdir()
    server = S3Server(folder)
    server.make_bucket(BUCKET)
    yield server
    server.stop()


def _ask(pod: Pod, question: str) -> str:
    body = {"model": "auto", "messages": [{"role": "user", "content": question}], "temperature": 0}
    request = urllib.request.Request(
        f"http://{pod.address}:8801/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
        assert json.loads(answer.read())["choices"][0]["message"]["content"]
        return str(answer.headers["x-vsr-cache"])


def _asked(name: str, **spec: object) -> Json:
    return {
        "apiVersion": "semanticrouter.dev/v1alpha1",
        "kind": "SemanticCacheRestore",
        "metadata": {"name": name},
        "spec": {
            "routerRef": {"name": "semantic-router"},
            "backup": {"latest": True},
            "validation": {"windowSeconds": 10},
            **spec,
        },
    }


def _status(kubectl: Kubectl, name: str) -> Json:
    return dict((kubectl.get(f"scr/{name}") or {}).get("status") or {})


def _reaches(kubectl: Kubectl, name: str, step: str) -> Json:
    """The restore's status once it is at this step or outcome."""

    def there() -> Json | None:
        found = _status(kubectl, name)
        assert found.get("phase") != "Failed" or step in ("Failed", "RolledBack", "Cancelled"), found["message"]
        return found if step in (found.get("step"), found.get("outcome")) else None

    return dict(eventually(there, 120) or {})  # type: ignore[call-overload]


def _names(kubectl: Kubectl) -> list[str]:
    return [each["metadata"]["name"] for each in (kubectl.get("scr") or {}).get("items", [])]


def _plugin(kubectl: Kubectl, *words: str) -> "subprocess.Popen[str]":
    """`kubectl semantic-router` as a person runs it."""
    program = str(Path(sys.executable).with_name("kubectl-semantic_router"))
    place = [f"--kubeconfig={kubectl.access.kubeconfig}", f"--namespace={kubectl.namespace}"]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.Popen(
        [program, *words, *place], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _killed(operators: Operators, operator: Operator) -> Operator:
    """Kill the operator and start another."""
    operator.kill()
    return operators.again(operator)


def _ready(kubectl: Kubectl) -> None:
    # Milvus' client library is loaded for the operator's first question to Milvus, which takes its time.
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True", 180)


def _save(kubectl: Kubectl, node: Node) -> None:
    """Let the CronJob's pod run once."""
    kubectl("create", "job", "by-hand", "--from=cronjob/semantic-router-backup")
    job = kubectl.get("job/by-hand") or {}
    assert job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "backup"
    status = node.run_job("hand", "backup")
    assert status["phase"] == "Succeeded", status


@pytest.mark.timeout(600)
def test_a_cache_is_saved_lost_and_restored_with_a_kill_in_every_step(
    kubectl: Kubectl, operators: Operators, node: Node, milvus: int, model: str, store: S3Server, resource: Json
) -> None:
    access, secret = store.keys
    keys = [f"--from-literal=accesskey={access}", f"--from-literal=secretkey={secret}"]
    kubectl("create", "secret", "generic", "backup-s3", *keys)
    spec = resource["spec"]
    spec["router"] = {"replicas": 1}
    spec["providers"][0]["baseURL"] = model
    spec["cache"]["backend"] = "hybrid"
    spec["milvus"] = {"external": {"address": f"127.0.0.1:{milvus}"}, "search": {"consistencyLevel": "Strong"}}
    s3 = {"endpoint": store.endpoint, "bucket": BUCKET, "credentialsSecretRef": {"name": "backup-s3"}}
    spec["backup"] = {"preset": "development", "s3": s3}
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    (pod,) = node.settle(1)
    _ready(kubectl)
    assert [_ask(pod, each) for each in QUESTIONS] == ["miss"] * 3
    assert [_ask(pod, each) for each in QUESTIONS] == ["hit"] * 3
    _save(kubectl, node)

    # Lost: the collection is emptied behind the router's back.
    client = MilvusClient(f"http://127.0.0.1:{milvus}")
    before = str(client.describe_collection("semantic_cache")["collection_name"])
    client.delete("semantic_cache", filter="written_at > 0")

    # What would happen, and a backup that is not there: nothing changes.
    kubectl("apply", "-f", "-", stdin=_asked("dry", dryRun=True))
    _reaches(kubectl, "dry", "Checking")
    assert node.run_job("check", "restore")["phase"] == "Succeeded"
    assert "3 entries" in _reaches(kubectl, "dry", "Checked")["message"]
    kubectl("apply", "-f", "-", stdin=_asked("absent", backup={"name": "sr_20200101_000000_ab12"}))
    _reaches(kubectl, "absent", "Checking")
    assert node.run_job("check", "restore")["phase"] == "Failed"
    assert "There is no backup sr_20200101_000000_ab12" in _reaches(kubectl, "absent", "Failed")["message"]
    assert [each.name for each in node.settle(1)] == [pod.name]

    # The whole way, asked for and watched by a person.
    watching = _plugin(kubectl, "restore", "semantic-router", "--latest", "--window-seconds=10", "--yes")
    whole = str(eventually(lambda: next((each for each in _names(kubectl) if each not in ("dry", "absent")), "")))
    at = _reaches(kubectl, whole, "Checking")
    operator = _killed(operators, operator)
    node.run_job("check", "restore")
    _reaches(kubectl, whole, "SettingAside")
    assert _status(kubectl, whole)["startedAt"] == at["startedAt"]
    assert (kubectl.get("cronjob/semantic-router-backup") or {})["spec"]["suspend"] is True
    operator = _killed(operators, operator)
    aside = replaced(node, pod)
    at = _reaches(kubectl, whole, "Loading")
    assert condition(kubectl, "Ready")["reason"] == "Restoring"
    operator = _killed(operators, operator)
    # Another one waits, and says for what; the router answers meanwhile, without what is in Milvus.
    kubectl("apply", "-f", "-", stdin=_asked("second", serving="stopped"))
    eventually(lambda: f"SemanticCacheRestore/{whole} is under way" in _status(kubectl, "second").get("message", ""))
    assert _ask(aside, QUESTIONS[0]) == "miss"
    screen = _plugin(kubectl, "status", "semantic-router").communicate(timeout=120)[0]
    assert "2/7 Loading" in screen, screen
    assert node.run_job("load", "restore")["phase"] == "Succeeded"
    _reaches(kubectl, whole, "Switching")
    operator = _killed(operators, operator)
    assert node.run_job("switch", "restore")["phase"] == "Succeeded"
    _reaches(kubectl, whole, "Returning")
    operator = _killed(operators, operator)
    back = replaced(node, aside)
    at = _reaches(kubectl, whole, "Validating")
    operator = _killed(operators, operator)
    assert [_ask(back, each) for each in QUESTIONS] == ["hit"] * 3
    told = _reaches(kubectl, whole, "Completed")
    assert (told["phase"], told["rows"], told["previousCollection"]) == ("Succeeded", 3, before)
    assert client.describe_collection("semantic_cache")["collection_name"] == told["collection"]

    output = watching.communicate(timeout=120)[0]
    assert watching.returncode == 0, output
    assert "3 entries in semantic_cache_v" in output.replace("\n", " "), output

    # The second one, begun by itself with no pods meanwhile, is deleted while it is on trial: all is as before.
    _reaches(kubectl, "second", "Checking")
    node.run_job("check", "restore")
    node.settle(0)
    _reaches(kubectl, "second", "Loading")
    node.run_job("load", "restore")
    _reaches(kubectl, "second", "Switching")
    node.run_job("switch", "restore")
    _reaches(kubectl, "second", "Returning")
    node.settle(1)
    second = _reaches(kubectl, "second", "Validating")
    assert client.describe_collection("semantic_cache")["collection_name"] == second["collection"]
    kubectl("delete", "scr", "second")
    node.settle(0)
    operator = _killed(operators, operator)
    assert node.run_job("switch-back", "restore")["phase"] == "Succeeded"
    assert node.run_job("drop", "restore")["phase"] == "Succeeded"
    (last,) = node.settle(1)
    eventually(lambda: condition(kubectl, "Restoring").get("reason") == "RolledBack")
    assert client.describe_collection("semantic_cache")["collection_name"] == told["collection"]
    assert second["collection"] not in client.list_collections()
    assert _ask(last, QUESTIONS[0]) == "hit"
    _ready(kubectl)
    assert (kubectl.get("cronjob/semantic-router-backup") or {})["spec"]["suspend"] is False
    eventually(lambda: "restore" not in kubectl("get", "jobs,configmaps", "-o", "name"))
    operator.stop()
    client.close()
