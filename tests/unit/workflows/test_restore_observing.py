"""What is read from Jobs, pods and Deployments for a restore."""

import json
from typing import Any

import pytest

from semantic_router_operator.workflows.job_result import last_words, said_by
from semantic_router_operator.workflows.migration_objects import JOB_NAME_LABEL
from semantic_router_operator.workflows.restore_observing import job_seen, rollout_seen

Json = dict[str, Any]
COMPONENT = "app.kubernetes.io/component"
TOLD = {"operation": "check", "outcome": "succeeded", "message": "It is whole.", "name": "sr_1", "rows": 7}


def pod(ended: list[tuple[str, int, str]], job: str = "load-1") -> Json:
    states = [
        {"name": name, "state": {"terminated": {"exitCode": code, "message": text}}} for name, code, text in ended
    ]
    labels = {COMPONENT: "restore", JOB_NAME_LABEL: job}
    status = {"initContainerStatuses": states[:-1], "containerStatuses": states[-1:]}
    return {"metadata": {"name": f"{job}-x", "labels": labels}, "status": status}


def job(condition: str) -> Json:
    return {"metadata": {"name": "load-1"}, "status": {"conditions": [{"type": condition, "status": "True"}]}}


def deployment(spec: Json, status: Json | None = None) -> Json:
    template = {"metadata": {"annotations": {"semanticrouter.dev/checksum": "a"}}}
    return {"metadata": {"name": "sr", "generation": 1}, "spec": {"template": template, **spec}, "status": status or {}}


def test_a_result_is_the_last_line_and_its_sentence_is_for_people() -> None:
    state, said = job_seen(job("Complete"), [pod([("check", 0, "a log line\n" + json.dumps(TOLD))])])
    assert (state.state, state.message) == ("succeeded", "It is whole.")
    assert said.result is not None
    assert (said.result.name, said.result.rows) == ("sr_1", 7)


def test_the_container_that_failed_speaks_for_the_pod() -> None:
    failed = {"operation": "fetch", "outcome": "failed", "reason": "BackupMissing", "message": "There is none."}
    state, said = job_seen(job("Failed"), [pod([("fetch", 1, json.dumps(failed)), ("load", 0, "")])])
    assert (state.state, state.message, state.exit_code) == ("failed", "There is none.", 1)
    assert said.reason == "BackupMissing"


def test_a_log_line_is_told_as_it_is() -> None:
    words = last_words(said_by([pod([("load", 1, "one\nTraceback: it broke\n")])]))
    assert (words.message, words.result, words.reason) == ("Traceback: it broke", None, "")
    assert last_words(said_by([])).message == ""


def test_pods_of_another_job_say_nothing() -> None:
    _, said = job_seen(job("Complete"), [pod([("check", 0, json.dumps(TOLD))], job="load-2")])
    assert said.result is None


@pytest.mark.parametrize(
    ("there", "wanted", "scaled"),
    [
        ({"replicas": 2}, {"replicas": 0}, False),
        ({"replicas": 0}, {"replicas": 0}, True),
        # To an autoscaler: any number, once there are pods again.
        ({"replicas": 0}, {}, False),
        ({"replicas": 3}, {}, True),
    ],
)
def test_the_number_of_pods_is_part_of_a_rollout(there: Json, wanted: Json, scaled: bool) -> None:
    count = there["replicas"]
    numbers = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), count)
    seen = rollout_seen(deployment(there, {"observedGeneration": 1, **numbers}), deployment(wanted), [])
    assert seen.done is scaled
