"""A change of replicas that milvus-operator has swallowed while a dependency was down."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey, conditions, labels

_DEPENDENCIES = {"EtcdReady": "etcd", "StorageReady": "the object store", "MsgStreamReady": "the message stream"}

SWALLOWED = Verdict(
    "ScalingSwallowed",
    Severity.ERROR,
    "milvus-operator does not scale while {dependency} is not ready, and says nothing of it; it does so once that is"
    " back.",
    "Repair {dependency} first.",
    "kubectl -n {namespace} get pods -l 'app.kubernetes.io/instance in ({milvus}-etcd)'",
)
DEPENDENCY = Verdict(
    "DependencyDown",
    Severity.ERROR,
    "{dependency} is not ready; Milvus may call itself Healthy all the same.",
    "Look at its pods.",
    "kubectl -n {namespace} get pods | grep {milvus}-",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    milvus = survey.managed_milvus
    if milvus is None:
        return
    down = [
        (words, str(conditions(milvus)[kind].get("message") or conditions(milvus)[kind].get("reason") or ""))
        for kind, words in _DEPENDENCIES.items()
        if conditions(milvus).get(kind, {}).get("status") == "False"
    ]
    if not down:
        return
    words, message = down[0]
    subject = f"Milvus/{survey.milvus_name}"
    yield DEPENDENCY.found(survey, subject, message or f"{words} is not ready.", dependency=words)
    components = (milvus.get("spec") or {}).get("components") or {}
    for component, settings in sorted(components.items()):
        wanted = settings.get("replicas") if isinstance(settings, dict) else None
        if not isinstance(wanted, int) or wanted < 0:
            continue
        runs = [
            each
            for each in survey.all("Deployment")
            if labels(each).get("app.kubernetes.io/instance") == survey.milvus_name
            and labels(each).get("app.kubernetes.io/component") == component.lower()
        ]
        has = sum(int(each["spec"].get("replicas", 1)) for each in runs)
        if runs and has != wanted:
            text = f"{component} is to have {wanted} pods, its Deployments ask for {has}."
            yield SWALLOWED.found(survey, subject, text, dependency=words)


CHECK = Check(
    "milvus-scaling",
    "A dependency of Milvus is down, and scaling does nothing",
    "The conditions of Milvus' dependencies, and the replicas of its Deployments beside those of its resource.",
    (DEPENDENCY, SWALLOWED),
    _examine,
    frozenset({"Milvus"}),
)
