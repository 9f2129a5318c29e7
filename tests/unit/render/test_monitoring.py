"""Alerts and dashboards ask for series that the router has, with labels that those series have."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from semantic_router_operator.api.validate import parse
from semantic_router_operator.handlers.metrics import BACKUP, CONDITION
from semantic_router_operator.render.facts import OPTIONAL_KINDS, ClusterFacts
from semantic_router_operator.render.missing import missing_kinds
from semantic_router_operator.render.objects import render
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.quality_metrics import QualityMetrics
from semantic_router_proxy.server import reload
from semantic_router_proxy.server.observe import Observer

Json = dict[str, Any]
# Those of the scrape itself, beside each series' own.
SCRAPE_LABELS = {"job", "namespace", "pod", "le"}
# Made by the router's reloader, which needs a running gateway.
RELOADED = "semantic_router_config_last_reload_successful"
_SELECTOR = re.compile(r"([a-z_]+)\{([^}]*)\}")
_LABEL = re.compile(r'([a-z_]+)(?:=~|!~|!=|=)"')
_GROUPING = re.compile(r"by \(([^)]*)\)")
ALL = ClusterFacts(kinds=OPTIONAL_KINDS)
S3 = {"endpoint": "https://s3.test", "bucket": "backups", "credentialsSecretRef": {"name": "store-keys"}}


# As a Milvus 2.3.5 serves them on its port 9091, with their own labels.
MILVUS_SERIES = {
    "milvus_proxy_sq_latency_bucket": {"query_type", "node_id", "le"},
    "milvus_proxy_mutation_latency_bucket": {"msg_type", "node_id", "le"},
    "milvus_proxy_req_count": {"function_name", "status", "node_id"},
    "milvus_indexnode_build_index_latency_bucket": {"node_id", "le"},
}


def _resource(milvus: Json | None = None, **monitoring: Any) -> Any:
    spec: Json = {
        "providers": [{"name": "p", "baseURL": "http://vllm/v1"}],
        "models": [{"name": "m", "provider": "p"}],
        "milvus": {"external": {"address": "milvus:19530", **(milvus or {})}},
        "backup": {"verify": "weekly", "s3": S3},
        "monitoring": monitoring,
    }
    return parse({"metadata": {"name": "team-a", "namespace": "own", "uid": "u"}, "spec": spec})


def _objects(facts: ClusterFacts = ALL, **monitoring: Any) -> dict[str, Json]:
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in render(_resource(**monitoring), facts)}


def _series() -> dict[str, set[str]]:
    """Every series of a running router by name, with its labels."""
    registry = CollectorRegistry()
    CacheMetrics("hybrid", registry)
    QualityMetrics(registry)
    Observer(registry)
    found = {"up": set[str](), RELOADED: set[str]()}
    found |= {each._name: set(each._labelnames) for each in (CONDITION, *BACKUP.values())}
    for collector in list(registry._collector_to_names):
        labels = set(getattr(collector, "_labelnames", ()))
        found |= dict.fromkeys(registry._collector_to_names[collector], labels)
    return found


def _expressions() -> list[str]:
    objects = _objects(dashboard=True)
    (group,) = objects["PrometheusRule/team-a"]["spec"]["groups"]
    board = json.loads(objects["ConfigMap/team-a-dashboard"]["data"]["team-a-dashboard.json"])
    panels = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in group["rules"]] + panels


def test_every_series_exists_with_the_labels_that_are_asked_for() -> None:
    series = _series()
    for expression in _expressions():
        selectors = _SELECTOR.findall(expression)
        assert selectors, expression
        known = set(SCRAPE_LABELS)
        for name, labels in selectors:
            assert name in series, expression
            asked = set(_LABEL.findall(labels))
            own = {"resource_namespace", "resource"} if "_operator_" in name else {"job", "namespace"}
            assert own <= asked, f"{expression}: would mix resources"
            assert asked <= series[name] | SCRAPE_LABELS, expression
            known |= series[name]
        for group in _GROUPING.findall(expression):
            assert {label.strip() for label in group.split(",")} <= known, expression


def test_the_reloader_has_the_gauge_that_an_alert_needs() -> None:
    assert f'"{RELOADED}"' in inspect.getsource(reload)


def test_brackets_are_balanced() -> None:
    for expression in _expressions():
        for opening, closing in ("()", "[]", "{}"):
            assert expression.count(opening) == expression.count(closing), expression


def test_the_monitor_finds_the_metrics_service_and_names_the_job() -> None:
    objects = _objects(labels={"release": "prometheus", "app": "mine"})
    monitor, service = objects["ServiceMonitor/team-a"], objects["Service/team-a-metrics"]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "team-a"
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["metadata"]["labels"]["app"] == "semantic-router"


@pytest.mark.parametrize(("field", "kind"), [("serviceMonitor", "ServiceMonitor"), ("rules", "PrometheusRule")])
def test_auto_follows_the_cluster_and_on_waits_for_it(field: str, kind: str) -> None:
    assert f"{kind}/team-a" in _objects(**{field: "auto"})
    assert f"{kind}/team-a" not in _objects(**{field: "off"})
    without = ClusterFacts(kinds=OPTIONAL_KINDS - {kind})
    assert f"{kind}/team-a" not in _objects(without, **{field: "on"})
    assert missing_kinds(_resource(**{field: "auto"}), without) == []
    ((path, sentence),) = missing_kinds(_resource(**{field: "on"}), without)
    assert path == f"spec.monitoring.{field}"
    assert "monitoring.coreos.com" in sentence


def test_every_alert_has_a_paragraph_about_what_to_do() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations" / "monitoring.md").read_text(encoding="utf-8")
    (group,) = _objects()["PrometheusRule/team-a"]["spec"]["groups"]
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == [rule["alert"] for rule in group["rules"]]


def test_a_memory_cache_has_no_alert_about_a_store() -> None:
    raw = {"metadata": {"name": "a"}, "spec": {"monitoring": {}}}
    rules = next(each for each in render(parse(raw), ALL) if each["kind"] == "PrometheusRule")
    assert "SemanticRouterStoreUnavailable" not in [rule["alert"] for rule in rules["spec"]["groups"][0]["rules"]]


def test_the_dashboard_is_found_by_grafana_and_has_its_own_name() -> None:
    config_map = _objects(dashboard=True)["ConfigMap/team-a-dashboard"]
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    board = json.loads(config_map["data"]["team-a-dashboard.json"])
    assert len(board["uid"]) <= 40
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_an_external_milvus_is_scraped_where_its_services_are_named() -> None:
    metrics = {"matchLabels": {"app.kubernetes.io/instance": "milvus"}, "namespace": "db"}
    resource = _resource({"metrics": metrics}, dashboard=True, labels={"release": "prometheus"})
    objects = {f"{each['kind']}/{each['metadata']['name']}": each for each in render(resource, ALL)}
    monitor = objects["ServiceMonitor/team-a-milvus"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["db"]}
    assert monitor["spec"]["selector"] == {"matchLabels": metrics["matchLabels"]}
    (endpoint,) = monitor["spec"]["endpoints"]
    (label,) = endpoint["relabelings"]
    board = json.loads(objects["ConfigMap/team-a-dashboard"]["data"]["team-a-dashboard.json"])
    panels = [panel for panel in board["panels"] if panel["title"].startswith("Milvus: ")]
    assert len(panels) == 4
    for expression in (target["expr"] for panel in panels for target in panel["targets"]):
        assert f'{label["targetLabel"]}="{label["replacement"]}"' in expression
        names = [name for name in MILVUS_SERIES if name in expression.replace("(indexnode|datanode)", "indexnode")]
        assert len(names) == 1, expression
        asked = set(_LABEL.findall(expression)) | {
            part.strip() for group in _GROUPING.findall(expression) for part in group.split(",")
        }
        assert asked <= MILVUS_SERIES[names[0]] | {"semantic_router", "__name__"}, expression
    assert "ServiceMonitor/team-a-milvus" not in _objects()
    off = _resource({"metrics": metrics}, serviceMonitor="off")
    assert "team-a-milvus" not in [each["metadata"]["name"] for each in render(off, ALL)]
