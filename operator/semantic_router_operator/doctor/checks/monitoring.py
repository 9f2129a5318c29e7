"""Monitoring was asked for and prometheus-operator is not installed."""

from collections.abc import Iterator

from semantic_router_operator.doctor.admission import selects
from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

_PLURALS = {"serviceMonitor": ("ServiceMonitor", "servicemonitors"), "rules": ("PrometheusRule", "prometheusrules")}

CRD_MISSING = Verdict(
    "MonitoringKindMissing",
    Severity.WARNING,
    "The resource asks for objects of prometheus-operator, and the cluster does not know their kinds.",
    "Install prometheus-operator, or set the field to auto or off; the object is made once the kind appears.",
    "kubectl apply --server-side -f"
    " https://raw.githubusercontent.com/prometheus-operator/prometheus-operator/main/bundle.yaml",
)
NOT_SELECTED = Verdict(
    "NotSelected",
    Severity.WARNING,
    "No Prometheus of the cluster selects the ServiceMonitor, so nothing is scraped.",
    "Set the labels that it asks for in spec.monitoring.labels.",
    "kubectl get prometheus -A -o jsonpath='{{.items[*].spec.serviceMonitorSelector}}'",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    for field, (kind, plural) in _PLURALS.items():
        if survey.spec("monitoring", field) == "on" and kind in survey.unserved:
            text = f"spec.monitoring.{field} is on; {plural}.monitoring.coreos.com is not installed."
            yield CRD_MISSING.found(survey, f"SemanticRouter/{survey.name}", text)
    yield from _selected(survey)


def _selected(survey: Survey) -> Iterator[Finding]:
    selectors = [each["spec"].get("serviceMonitorSelector") for each in survey.all("Prometheus")]
    for monitor in survey.of_router("ServiceMonitor"):
        own = monitor["metadata"].get("labels") or {}
        if selectors and not any(selects(each, own) for each in selectors):
            name = monitor["metadata"]["name"]
            yield NOT_SELECTED.found(
                survey, f"ServiceMonitor/{name}", f"{len(selectors)} Prometheus ask for other labels."
            )


CHECK = Check(
    "monitoring",
    "ServiceMonitor CRD not found",
    "Which kinds of prometheus-operator the cluster knows, and which labels Prometheus selects by.",
    (CRD_MISSING, NOT_SELECTED),
    _examine,
)
