"""Each verdict is given for what it is about, and for nothing of a healthy resource."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.doctor.surveys import (
    EXTERNAL,
    JUST_NOW,
    LONG_AGO,
    MILVUS,
    NOW,
    ROUTER,
    claim,
    deployment,
    event,
    having,
    healthy,
    managed,
    milvus,
    pod,
    probing,
    resource,
    told,
)

from semantic_router_operator.doctor.checks import CHECKS
from semantic_router_operator.doctor.examination import examine
from semantic_router_operator.doctor.survey import SecretFacts, Survey
from semantic_router_operator.plan.probed import CollectionState, LookupPeriod, PodState, Probed


def _container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "router", "restartCount": 4, **state}]}


def _lease(survey: Survey) -> Survey:
    old = {"renewTime": "2026-11-21T11:50:00.000000Z", "holderIdentity": "gone"}
    return having(survey, "Lease", {"metadata": {"name": "semantic-router-operator", "namespace": "o"}, "spec": old})


def _unseen(survey: Survey) -> Survey:
    raw = resource(milvus=EXTERNAL)
    raw["status"]["observedGeneration"] = 2
    return replace(survey, resource=raw)


def _secret(survey: Survey, **facts: Any) -> Survey:
    return replace(survey, secrets={"milvus-tls": SecretFacts("milvus-tls", frozenset({"ca.crt"}), **facts)})


def _said(survey: Survey, **state: Any) -> Survey:
    return replace(
        survey, probed=Probed((PodState("web-1", **state),), survey.probed.milvus if survey.probed else None)
    )


def _period(epoch: str, hits: int, misses: int, policy: str = "p", minutes: float = 5.0) -> LookupPeriod:
    return LookupPeriod(epoch, policy, NOW - timedelta(minutes=minutes), hits, misses)


def _asked(*pods: tuple[LookupPeriod, ...], status: dict[str, Any] | None = None) -> Survey:
    states = tuple(PodState(f"web-{number}", lookups=periods) for number, periods in enumerate(pods))
    survey = replace(healthy(), probed=Probed(states))
    if status is not None:
        raw = dict(survey.resource or {})
        survey = replace(survey, resource={**raw, "status": {**raw["status"], "lookups": status}})
    return survey


_OLD, _NEW = _period("old", 120, 80, minutes=90), _period("new", 3, 197)
_REMEMBERED = {"configEpoch": "old", "policyEpoch": "p", "hits": 600, "misses": 400}


def _collection(survey: Survey, state: CollectionState | None) -> Survey:
    return probing(survey, lambda found: replace(found, collection=state))


def _search(**search: Any) -> Survey:
    return healthy(milvus={**EXTERNAL, "search": search})


def _milvus(survey: Survey, change: Callable[[dict[str, Any]], object], **status: Any) -> Survey:
    found = milvus(**status)
    change(found)
    return having(survey, "Milvus", found)


def _down(kind: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "False", "message": "no answer from it"}]}


def _fields(manager: str) -> dict[str, Any]:
    return {"manager": manager, "time": LONG_AGO, "fieldsV1": {"f:spec": {"f:components": {"f:image": {}}}}}


def _contested(found: dict[str, Any]) -> None:
    found["metadata"]["managedFields"] = [_fields("semantic-router-operator"), _fields("kubectl-edit")]


_S3 = {"endpoint": "https://s3.example.com", "bucket": "backups", "credentialsSecretRef": {"name": "s3"}}
_PLAIN = {"providers": [{"name": "v", "baseURL": "http://v/v1"}], "models": [{"name": "m", "provider": "v"}]}


def _backed_up(told: dict[str, Any] | None = None, snapshots: dict[str, Any] | None = None, **status: Any) -> Survey:
    backup = {"s3": _S3, "verify": "weekly", "snapshots": snapshots or {"enabled": False}}
    store = {"milvus": {"managed": {"mode": "standalone"}}} if snapshots else {}
    survey = healthy(**_PLAIN, **store, cache={"backend": "hybrid"}, backup=backup)
    raw = dict(survey.resource or {})
    raw |= {"apiVersion": "semanticrouter.dev/v1alpha1", "kind": "SemanticRouter"}
    return replace(survey, resource={**raw, "status": {**raw["status"], "backup": {**(told or {}), **status}}})


def _unwell(reason: str, **status: Any) -> Survey:
    return told(_backed_up(**status), "BackupHealthy", "False", reason)


def _result(reason: str) -> str:
    return json.dumps({"operation": "backup", "outcome": "failed", "reason": reason, "message": "It did not go."})


def _restore(phase: str) -> dict[str, Any]:
    spec = {"routerRef": {"name": "web"}, "backup": {"latest": True}}
    metadata = {"name": "r", "creationTimestamp": LONG_AGO}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase, "message": "The archive is damaged."}}


def _job(message: str) -> Survey:
    labels = {"app.kubernetes.io/component": "backup", "app.kubernetes.io/instance": "web"}
    failed = {"conditions": [{"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]}
    job = {"metadata": {"name": "web-backup-1", "labels": labels, "creationTimestamp": LONG_AGO}, "status": failed}
    ended = pod(
        "web-backup-1-x", {"job-name": "web-backup-1"}, **_container(state={"terminated": {"message": message}})
    )
    return having(having(_backed_up(), "Job", job), "Pod", ended, also=True)


def _monitor(survey: Survey) -> Survey:
    prometheus = {"metadata": {"name": "p"}, "spec": {"serviceMonitorSelector": {"matchLabels": {"release": "stack"}}}}
    return having(
        having(survey, "Prometheus", prometheus), "ServiceMonitor", {"metadata": {"name": "web", "labels": ROUTER}}
    )


def _service(**spec: Any) -> Survey:
    ports = [{"port": 19530, "targetPort": 19530}]
    return having(
        healthy(), "Service", {"metadata": {"name": "milvus"}, "spec": {"selector": MILVUS, "ports": ports, **spec}}
    )


def _closed(survey: Survey, direction: str, labels: dict[str, str]) -> Survey:
    spec = {"podSelector": {"matchLabels": labels}, "policyTypes": [direction]}
    return having(survey, "NetworkPolicy", {"metadata": {"name": "deny"}, "spec": spec})


FAILURES: list[tuple[str, Survey]] = [
    ("NotInstalled", replace(healthy(), resource=None, unserved=frozenset({"SemanticRouter"}))),
    ("NoSuchResource", replace(healthy(), resource=None)),
    ("NoLeader", _lease(healthy())),
    ("NotLookedAt", _unseen(healthy())),
    ("Suspended", healthy(suspend=True)),
    ("Invalid", told(healthy(), "ConfigValid", "False", "Invalid", "spec.x is wrong")),
    (
        "ImageRefusesConfig",
        having(
            healthy(),
            "Pod",
            pod(
                "web-2",
                ROUTER,
                initContainerStatuses=[
                    {"name": "check-config", "state": {"terminated": {"exitCode": 2, "message": "unknown key: x"}}}
                ],
            ),
            also=True,
        ),
    ),
    ("ReloadRefused", _said(healthy(), reload_problem="decisions[0]: unknown model")),
    ("SecretMissing", replace(healthy(), secrets={"milvus-auth": None})),
    (
        "SecretKeyMissing",
        replace(_secret(healthy()), secret_keys={"milvus-tls": frozenset({"ca.crt", "client.key"})}),
    ),
    ("SecretUnusable", _secret(healthy(), malformed={"ca.crt": "is not PEM"})),
    ("CertificateExpired", _secret(healthy(), expires={"ca.crt": NOW - timedelta(days=1)})),
    ("CertificateExpiresSoon", _secret(healthy(), expires={"ca.crt": NOW + timedelta(days=3)})),
    (
        "ImageCannotBePulled",
        having(healthy(), "Pod", pod("web-1", ROUTER, **_container(state={"waiting": {"reason": "ImagePullBackOff"}}))),
    ),
    (
        "RouterOutOfMemory",
        having(
            healthy(), "Pod",
            pod("web-1", ROUTER, **_container(lastState={"terminated": {"reason": "OOMKilled"}})),
            pod("milvus-0", MILVUS),
        ),
    ),
    (
        "RouterOutOfMemory",
        having(
            healthy(), "Pod",
            pod("web-1", ROUTER, initContainerStatuses=[
                {"name": "check-config", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
            ]),
            pod("milvus-0", MILVUS),
        ),
    ),
    (
        "MilvusOutOfMemory",
        having(healthy(), "Pod", pod("m", MILVUS, **_container(lastState={"terminated": {"reason": "OOMKilled"}}))),
    ),
    (
        "ContainerFails",
        having(healthy(), "Pod", pod("web-1", ROUTER, **_container(
            state={"waiting": {"reason": "CrashLoopBackOff"}},
            lastState={"terminated": {"exitCode": 1, "message": "Port 8801 is in use\n"}},
        )), pod("milvus-0", MILVUS)),
    ),
    (
        "QuotaExceeded",
        having(
            healthy(), "Deployment",
            deployment("web", ROUTER, conditions=[
                {"type": "ReplicaFailure", "status": "True", "message": "pods is forbidden: exceeded quota: small"}
            ]),
        ),
    ),
    (
        "PodsRefused",
        having(
            healthy(), "Deployment",
            deployment("web", ROUTER, conditions=[
                {"type": "ReplicaFailure", "status": "True", "message": "serviceaccount web not found"}
            ]),
        ),
    ),
    (
        "Unschedulable",
        having(
            healthy(), "Pod",
            pod("web-2", ROUTER, conditions=[
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
            ]),
            also=True,
        ),
    ),
    (
        "NoDefaultStorageClass",
        having(
            having(healthy(), "PersistentVolumeClaim", claim(phase="Pending", storageClassName=None)),
            "StorageClass",
            {"metadata": {"name": "slow"}},
        ),
    ),
    (
        "StorageClassMissing",
        having(healthy(), "PersistentVolumeClaim", claim(phase="Pending", storageClassName="gone")),
    ),
    ("ClaimPending", having(healthy(), "PersistentVolumeClaim", claim(phase="Pending"))),
    ("VolumeFull", having(healthy(), "Event", event("Pod", "milvus-0", "write /data: no space left on device"))),
    (
        "ResizeStuck",
        having(healthy(), "PersistentVolumeClaim", {
            **claim(), "status": {"phase": "Bound", "conditions": [{"type": "ControllerResizeError", "status": "True"}]}
        }),
    ),
    ("ObjectStoreFailing", _milvus(managed(), lambda _: None, **_down("StorageReady"))),
    ("ServiceMissing", having(healthy(), "Service")),
    ("PortMissing", _service(ports=[{"port": 9091}])),
    ("NoEndpoints", having(healthy(), "Pod", pod("web-1", ROUTER))),
    ("PolicyBlocks", _closed(healthy(), "Ingress", MILVUS)),
    ("PolicyBlocks", _closed(healthy(), "Egress", ROUTER)),
    ("Unreachable", told(healthy(), "MilvusReady", "False", "NoAnswer")),
    *(
        (verdict, told(healthy(), "MilvusReady", "False", reason))
        for verdict, reason in (
            ("CredentialsMissing", "CredentialsMissing"),
            ("CredentialsRefused", "CredentialsRefused"),
            ("RightMissing", "RightMissing"),
            ("DatabaseMissing", "DatabaseMissing"),
            ("TLSRequired", "TLSRequired"),
            ("TLSNotSpoken", "TLSNotSpoken"),
            ("CertificateRefused", "CertificateRefused"),
            ("CertificateRefused", "CertificateUnusable"),
        )
    ),
    (
        "CollectionMissing",
        _collection(healthy(milvus={**EXTERNAL, "collection": {"name": "c", "autoCreate": False}}), None),
    ),
    ("MetricDiffers", _collection(healthy(), CollectionState("c", 5, "HNSW", "L2", loaded=True))),
    ("SchemaDiffers", having(healthy(), "Pod", pod("web-1", ROUTER, **_container(
        lastState={"terminated": {"message": "the collection c was not made by this router (it has no field query)"}},
    )), pod("milvus-0", MILVUS))),
    ("SchemaDiffers", _said(healthy(), store_down=True, problem="the collection c was not made by this router")),
    ("EmbedderMismatch", _said(healthy(), store_down=True, problem="another model; run cache reembed")),
    ("IndexMissing", _collection(healthy(), CollectionState("c", 5, "", None, loaded=True))),
    ("IndexFlat", _collection(healthy(), CollectionState("c", 50_000, "FLAT", "IP", loaded=True))),
    ("CollectionNotLoaded", _collection(healthy(), CollectionState("c", 5, "HNSW", "IP", loaded=False))),
    ("HitRateFell", _asked((_OLD, _NEW))),
    ("HitRateFell", _asked((_NEW,), status=_REMEMBERED)),
    ("HitRateFellByPolicy", _asked((_OLD, _period("new", 1, 99, "q")), (_period("new", 0, 150, "q"),))),
    ("SearchTooWide", _search(params={"ef": 4096})),
    ("SearchTooNarrow", _search(params={"ef": 8}, topk=10)),
    ("ConsistencyStrong", _search(consistencyLevel="Strong")),
    ("NoResources", having(healthy(milvus={"managed": {}}, profile="production"), "Milvus", milvus())),
    ("MilvusOperatorMissing", replace(healthy(milvus={"managed": {}}), unserved=frozenset({"Milvus"}))),
    (
        "MilvusOperatorProbeLock",
        having(
            _milvus(managed(), lambda _: None, status="Pending", conditions=[]), "Milvus",
            {**milvus(), "metadata": {"name": "bad", "creationTimestamp": LONG_AGO},
             "spec": {"dependencies": {"etcd": {"external": True}}}},
            also=True,
        ),
    ),
    ("MilvusUntouched", _milvus(managed(), lambda _: None, status="Pending", conditions=[])),
    (
        "MilvusPaused",
        _milvus(managed(), lambda m: m["metadata"].update(annotations={"milvus.io/pause-reconcile": "true"})),
    ),
    (
        "MilvusStatusFrozen",
        _milvus(managed(), lambda m: m["metadata"].update(generation=3, managedFields=[{"time": LONG_AGO}])),
    ),
    ("DependencyDown", _milvus(managed(), lambda _: None, **_down("EtcdReady"))),
    (
        "ScalingSwallowed",
        having(
            _milvus(managed(), lambda m: m["spec"].update(components={"queryNode": {"replicas": 3}}),
                    **_down("MsgStreamReady")),
            "Deployment",
            deployment("web-milvus-querynode-0", {**MILVUS, "app.kubernetes.io/component": "querynode"}, 1),
            also=True,
        ),
    ),
    ("FieldsTaken", _milvus(managed(), _contested)),
    (
        "DependencyAddressSet",
        _milvus(managed(), lambda m: m["spec"].update(config={"minio": {"address": "elsewhere"}})),
    ),
    (
        "PulsarTwice",
        having(healthy(), "Pod", pod("x-pulsar-broker-0", {}), pod("x-pulsarv3-broker-0", {}), also=True),
    ),
    ("MonitoringKindMissing", replace(
        healthy(monitoring={"serviceMonitor": "on"}), unserved=frozenset({"ServiceMonitor"})
    )),
    ("NotSelected", _monitor(healthy())),
    ("BackupFailed", _job("S3 said no")),
    ("BackupNameBlocked", _job(_result("BackupNameBlocked"))),
    ("BackupEmpty", _job(_result("BackupEmpty"))),
    ("BackupStorageUnreachable", _job(_result("Unreachable"))),
    ("BackupBucketMissing", _unwell("BucketMissing")),
    ("BackupStorageRefuses", _unwell("AccessDenied")),
    ("BackupTooOld", _unwell("TooOld")),
    ("BackupNotRestorable", _unwell("VerifyFailed")),
    ("BackupUnhealthy", _unwell("SomethingElse")),
    ("BackupFailed", _unwell("TooSlow", failures=2)),
    ("BackupNeverVerified", _backed_up(lastTime=LONG_AGO, lastVerifiedTime="2026-11-01T00:00:00Z")),
    ("SnapshotKindMissing", replace(_backed_up(snapshots={"enabled": True}), unserved=frozenset({"VolumeSnapshot"}))),
    ("SnapshotFails", _backed_up(told={"snapshots": {"message": "data-0: driver has no snapshots"}})),
    ("RestoreFailed", having(healthy(), "SemanticCacheRestore", _restore("Failed"))),
    ("NotExplained", told(healthy(), "Ready", "False", "PodsNotReady", "0 of 2 pods are ready.")),
    ("ClockSkew", replace(healthy(), clock_offset=-90.0)),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "survey"), FAILURES, ids=[reason for reason, _ in FAILURES])
def test_a_failure_is_told_with_cause_fix_and_evidence(reason: str, survey: Survey) -> None:
    report = examine(survey)
    assert not report.left_out
    found = [each for each in report.findings if each.reason == reason]
    assert len(found) == 1, [each.reason for each in report.findings]
    assert found[0].evidence
    assert found[0].cause.endswith(".")
    assert found[0].fix.endswith(".")
    assert "{" not in found[0].command.replace("'{", "").replace("{.", "").replace('{"', "")
    assert "/" in found[0].subject


@pytest.mark.parametrize("survey", [healthy(), managed(), healthy(milvus={"embedded": {}}), _backed_up()])
def test_a_healthy_resource_has_no_findings(survey: Survey) -> None:
    report = examine(survey)
    assert report.findings == ()
    assert not report.left_out
    assert len(report.silent) == len(CHECKS)


@pytest.mark.parametrize(
    "survey",
    [
        _asked((_OLD, _period("new", 100, 100))),
        _asked((_OLD, _period("new", 0, 30))),
        _asked((_period("old", 5, 495), _NEW)),
        _asked((_NEW,)),
        _asked((_NEW,), status={**_REMEMBERED, "configEpoch": "new"}),
        _asked((), ()),
    ],
    ids=("still good", "too few yet", "never good", "nothing before", "no change", "routers of an older version"),
)
def test_a_hit_rate_that_tells_nothing_is_no_finding(survey: Survey) -> None:
    assert examine(survey).findings == ()


def test_every_verdict_is_tried() -> None:
    tried = {reason for reason, _ in FAILURES}
    assert tried == {verdict.reason for check in CHECKS for verdict in check.verdicts}


def test_checks_and_reasons_have_names_of_their_own() -> None:
    names = [check.name for check in CHECKS]
    reasons = [verdict.reason for check in CHECKS for verdict in check.verdicts]
    assert len(set(names)) == len(names)
    assert len(set(reasons)) == len(reasons)


def _made_for(obj: dict[str, Any], checksum: str) -> dict[str, Any]:
    annotations = {"semanticrouter.dev/checksum": checksum}
    if obj.get("kind") == "Deployment":
        return {**obj, "spec": {**obj["spec"], "template": {"metadata": {"annotations": annotations}}}}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


@pytest.mark.parametrize(("made_for", "reasons"), [("now", ["ReloadRefused"]), ("earlier", [])])
def test_what_a_pod_refuses_that_a_rollout_replaces_is_not_told(made_for: str, reasons: list[str]) -> None:
    survey = _said(healthy(), reload_problem="milvus.yaml: there is no such file")
    survey = having(survey, "Deployment", _made_for(deployment("web", ROUTER), "now"))
    survey = having(survey, "Pod", _made_for(pod("web-1", ROUTER), made_for), pod("milvus-0", MILVUS))
    found = examine(survey).findings
    assert [each.reason for each in found if "web-1" in each.subject] == reasons


def test_what_others_in_the_namespace_suffer_is_not_told() -> None:
    stranger = {"app.kubernetes.io/name": "milvus", "app.kubernetes.io/instance": "another"}
    killed = pod("another-0", stranger, **_container(lastState={"terminated": {"reason": "OOMKilled"}}))
    said = event("Pod", "another-0", "write /data: no space left on device")
    survey = having(having(healthy(), "Pod", killed, also=True), "Event", said)
    assert examine(survey).findings == ()
    cured = {**event("Pod", "milvus-0", "no space left on device"), "lastTimestamp": LONG_AGO}
    assert examine(having(healthy(), "Event", cured)).findings == ()


def test_what_has_just_begun_is_no_failure() -> None:
    young = milvus(status="Pending", conditions=[])
    young["metadata"]["creationTimestamp"] = JUST_NOW
    pending = claim(phase="Pending")
    pending["metadata"]["creationTimestamp"] = JUST_NOW
    survey = having(having(managed(), "Milvus", young), "PersistentVolumeClaim", pending)
    assert examine(survey).findings == ()
