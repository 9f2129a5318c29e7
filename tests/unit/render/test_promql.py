"""Every expression of alerts and dashboards, read by Prometheus' own grammar; every dashboard by Grafana's model."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

Json = dict[str, Any]
CASES = sorted((Path(__file__).parents[2] / "golden" / "cases").glob("*/objects.yaml"))
# What Grafana puts in before it asks (https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/).
INTERVALS = re.compile(r"\$__(rate_interval|interval|range)")
COLUMNS = 24
# Ids of @grafana/data's valueFormats; an unknown one is shown as text behind the number.
UNITS = {
    "Bps", "bool_yes_no", "bytes", "cps", "currencyUSD", "decbytes", "dtdurations", "iops", "ms", "none", "ops",
    "percent", "percentunit", "reqps", "rps", "s", "short", "wps",
}  # fmt: skip
PANELS = {"gauge", "heatmap", "row", "stat", "table", "text", "timeseries"}


def _objects() -> Iterator[Json]:
    for case in CASES:
        yield from yaml.load_all(case.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


RULES = [
    rule
    for each in _objects()
    if each["kind"] == "PrometheusRule"
    for group in each["spec"]["groups"]
    for rule in group["rules"]
]
BOARDS = [
    json.loads(text)
    for each in _objects()
    if each["metadata"].get("labels", {}).get("grafana_dashboard")
    for text in each["data"].values()
]


def _panels(board: Json) -> list[Json]:
    return [each for panel in board["panels"] for each in (panel, *panel.get("panels", ()))]


def test_there_is_something_to_look_at() -> None:
    assert {rule["alert"] for rule in RULES} >= {"SemanticRouterDown", "SemanticRouterStoreUnavailable"}
    assert BOARDS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_a_vector_for_some_time(rule: Json) -> None:
    expression = promql_parser.parse(rule["expr"])
    # A matrix or a text cannot raise an alarm, and a number would always.
    assert not isinstance(
        expression, promql_parser.MatrixSelector | promql_parser.StringLiteral | promql_parser.NumberLiteral
    )
    assert promql_parser.parse_duration(rule["for"]).total_seconds() >= 60
    for text in rule["annotations"].values():
        assert text.count("{{") == text.count("}}")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["title"])
def test_every_query_of_a_dashboard_is_promql(board: Json) -> None:
    queries = [target["expr"] for panel in _panels(board) for target in panel.get("targets", ())]
    assert queries
    for query in queries:
        promql_parser.parse(INTERVALS.sub("5m", query))


def test_the_grammar_refuses_what_is_wrong() -> None:
    for wrong in ("sum(rate(x[5m])", 'x{a="b"', "rate(x)", "x > > 1"):
        with pytest.raises(ValueError, match=r"."):
            promql_parser.parse(wrong)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["title"])
def test_a_dashboard_fits_grafana_s_model(board: Json) -> None:
    """The kinds of https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", board["uid"])
    assert isinstance(board["schemaVersion"], int)
    assert "id" not in board, "the id is Grafana's own"
    variables = {each["name"] for each in board["templating"]["list"]}
    panels = _panels(board)
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["type"] in PANELS
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"].strip("${}") in variables
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["title"])
def test_no_panel_covers_another(board: Json) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(each["x"] >= 0 and each["x"] + each["w"] <= COLUMNS and each["h"] > 0 for each in places)
    for one, other in itertools.combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
