"""The operator itself: does one lead, and has it looked at the resource."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey, moment

# A Lease is renewed every 3 s and taken over after 12 s.
_STALE_SECONDS = 60.0
_UNSEEN_SECONDS = 60.0
_LEASE = "semantic-router-operator"

NOT_INSTALLED = Verdict(
    "NotInstalled",
    Severity.ERROR,
    "The cluster does not know the kind SemanticRouter, so nothing can be made of one.",
    "Install the chart, or apply the CustomResourceDefinitions.",
    "kubectl apply --server-side -k manifests/crds",
)
NO_RESOURCE = Verdict(
    "NoSuchResource",
    Severity.ERROR,
    "There is no SemanticRouter of this name in the namespace.",
    "List those that are there.",
    "kubectl get semanticrouters -A",
)
NO_LEADER = Verdict(
    "NoLeader",
    Severity.ERROR,
    "No operator has renewed its Lease, so changes are not carried out; routers that run go on serving.",
    "See why the operator's pod does not run.",
    "kubectl -n {namespace} describe pods -l app.kubernetes.io/name=semantic-router-operator",
)
UNSEEN = Verdict(
    "NotLookedAt",
    Severity.ERROR,
    "No operator has looked at this version of the resource: none runs, or it watches other namespaces.",
    "Look at the operator's log and at its option --namespace.",
    "kubectl logs -A -l app.kubernetes.io/name=semantic-router-operator --tail=20",
)
SUSPENDED = Verdict(
    "Suspended",
    Severity.NOTE,
    "The resource is suspended: nothing is changed until that ends.",
    "Remove spec.suspend and the pause annotation when you are done.",
    "kubectl -n {namespace} annotate semanticrouter {name} semanticrouter.dev/pause-",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    if "SemanticRouter" in survey.unserved:
        yield NOT_INSTALLED.found(
            survey, "CustomResourceDefinition/semanticrouters.semanticrouter.dev", "It is not there."
        )
        return
    if survey.resource is None:
        yield NO_RESOURCE.found(
            survey, f"SemanticRouter/{survey.name}", f"Nothing found in namespace {survey.namespace}."
        )
        return
    yield from _leader(survey)
    metadata = survey.resource["metadata"]
    seen = int((survey.resource.get("status") or {}).get("observedGeneration") or 0)
    suspended = survey.spec("suspend") or (metadata.get("annotations") or {}).get("semanticrouter.dev/pause") == "true"
    if suspended:
        yield SUSPENDED.found(survey, f"SemanticRouter/{survey.name}", "It is told to be left alone.",
        )  # fmt: skip
    changed = max(
        (moment(str(each["time"])) for each in metadata.get("managedFields") or () if each.get("time")),
        default=moment(str(metadata["creationTimestamp"])),
    )
    if seen < int(metadata.get("generation", 0)) and (survey.now - changed).total_seconds() > _UNSEEN_SECONDS:
        text = f"Generation {metadata['generation']} was written at {changed:%H:%M:%S}, {seen or 'none'} was seen."
        yield UNSEEN.found(survey, f"SemanticRouter/{survey.name}", text)


def _leader(survey: Survey) -> Iterator[Finding]:
    for lease in survey.all("Lease"):
        spec = lease.get("spec") or {}
        if lease["metadata"]["name"] != _LEASE or not spec.get("renewTime"):
            continue
        age = (survey.now - moment(str(spec["renewTime"]))).total_seconds()
        if age > _STALE_SECONDS:
            text = f"Last renewed {age:.0f} s ago by {spec.get('holderIdentity') or 'nobody'}."
            yield NO_LEADER.found(survey, f"Lease/{_LEASE}", text, namespace=lease["metadata"].get("namespace", ""))


CHECK = Check(
    "operator",
    "The operator does nothing",
    "The CustomResourceDefinition, the resource's observedGeneration, and the Lease that the leading operator renews.",
    (NOT_INSTALLED, NO_RESOURCE, NO_LEADER, UNSEEN, SUSPENDED),
    _examine,
)
