"""The way from the router to Milvus: Service, name, port, endpoints, NetworkPolicies."""

from collections.abc import Iterator

from semantic_router_operator.doctor.admission import admitting, selects
from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Json, Survey, labels
from semantic_router_operator.render.network import NAMESPACE_LABEL, namespace_of

_MILVUS_PORT = 19530
_UNREACHABLE = frozenset({"AddressUnknown", "Unreachable", "NoAnswer"})

NO_SERVICE = Verdict(
    "ServiceMissing",
    Severity.ERROR,
    "The address names a Service that does not exist, so its name has no address in DNS.",
    "Correct spec.milvus.external.address; charts call the Service RELEASE-milvus or as the release.",
    "kubectl -n {namespace} get services -l app.kubernetes.io/name=milvus",
)
WRONG_PORT = Verdict(
    "PortMissing",
    Severity.ERROR,
    "The Service has no such port; Milvus answers at 19530, and 9091 is for metrics only.",
    "Correct the port in spec.milvus.external.address.",
    "kubectl -n {namespace} get service {service} -o wide",
)
NO_ENDPOINTS = Verdict(
    "NoEndpoints",
    Severity.ERROR,
    "No ready pod stands behind the Service, so connections are refused or time out.",
    "See why Milvus' pods are not ready.",
    "kubectl -n {namespace} get pods -l app.kubernetes.io/name=milvus",
)
POLICY = Verdict(
    "PolicyBlocks",
    Severity.ERROR,
    "NetworkPolicies do not let the router reach Milvus.",
    "Admit the router's pods in one of them, or let the operator make the policies (spec.networkPolicy).",
    "kubectl -n {namespace} describe networkpolicy {policies}",
)
UNREACHABLE = Verdict(
    "Unreachable",
    Severity.ERROR,
    "Milvus could not be reached from the cluster; answers are served from memory meanwhile.",
    "Try from the router's pod.",
    "kubectl -n {namespace} exec deploy/{name} -- semantic-router check-connection",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    place = _address(survey)
    if place is None:
        return
    host, port = place
    explained = False
    for finding in _service(survey, host, port):
        explained = True
        yield finding
    ready = survey.condition("MilvusReady")
    if not explained and ready.get("status") == "False" and ready.get("reason") in _UNREACHABLE:
        yield UNREACHABLE.found(survey, f"SemanticRouter/{survey.name}", str(ready.get("message", "")))


def _address(survey: Survey) -> tuple[str, int] | None:
    external = survey.spec("milvus", "external", "address")
    if external:
        host, _, port = str(external).rpartition(":")
        return host, int(port)
    if survey.spec("milvus", "managed") is not None and survey.one("Milvus", survey.milvus_name):
        return f"{survey.milvus_name}-milvus", _MILVUS_PORT
    return None


def _service(survey: Survey, host: str, port: int) -> Iterator[Finding]:
    if namespace_of(host, survey.namespace) != survey.namespace or "Service" in survey.unreadable:
        # Another namespace's Services may not be listed; the probe's own words are told instead.
        return
    name = host.split(".")[0]
    service = survey.one("Service", name)
    if service is None:
        text = f"{host}:{port} means Service/{name} of namespace {survey.namespace}."
        # A managed Milvus gets its Service late; that it is not ready is told by others.
        if survey.spec("milvus", "external"):
            yield NO_SERVICE.found(survey, f"Service/{name}", text)
        return
    ports = {int(each["port"]): each for each in service["spec"].get("ports") or ()}
    if port not in ports:
        has = ", ".join(map(str, sorted(ports)))
        yield WRONG_PORT.found(survey, f"Service/{name}", f"Port {port} is asked for, it has {has}.", service=name)
        return
    selector = service["spec"].get("selector")
    if not selector:
        return
    behind = [each for each in survey.all("Pod") if selects({"matchLabels": selector}, labels(each))]
    if not any(_ready(each) for each in behind):
        text = f"{len(behind)} pods carry its labels, none is ready."
        yield NO_ENDPOINTS.found(survey, f"Service/{name}", text)
        return
    target = ports[port].get("targetPort", port)
    yield from _policies(survey, behind[0], target if isinstance(target, int) else port)


def _policies(survey: Survey, milvus: Json, port: int) -> Iterator[Finding]:
    routers = survey.of_router("Pod")
    if not routers or "NetworkPolicy" in survey.unreadable:
        return
    home = {NAMESPACE_LABEL: survey.namespace}
    everything = survey.all("NetworkPolicy")
    pairs = (("Ingress", milvus, routers[0]), ("Egress", routers[0], milvus))
    for direction, pod, peer in pairs:
        admitted, names = admitting(everything, direction, pod, peer, home, port)
        if not admitted:
            text = f"{direction} at port {port} is admitted by none of: {', '.join(names)}."
            yield POLICY.found(survey, f"Pod/{pod['metadata']['name']}", text, policies=" ".join(names))


def _ready(pod: Json) -> bool:
    found = {each.get("type"): each.get("status") for each in (pod.get("status") or {}).get("conditions") or ()}
    return found.get("Ready") == "True" and not pod["metadata"].get("deletionTimestamp")


CHECK = Check(
    "connection",
    "Milvus cannot be reached",
    "The Service that the address means, its port, its pods, NetworkPolicies on both sides, and the last probe.",
    (NO_SERVICE, WRONG_PORT, NO_ENDPOINTS, POLICY, UNREACHABLE),
    _examine,
    frozenset({"Pod"}),
)
