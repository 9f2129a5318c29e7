"""The router refuses its configuration, or does not run the one that the resource describes."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

_CHECK_CONTAINER = "check-config"

INVALID = Verdict(
    "Invalid",
    Severity.ERROR,
    "A field of the resource is wrong; the last good state serves on.",
    "Correct the fields that the sentence names.",
    "kubectl -n {namespace} edit semanticrouter {name}",
)
IMAGE_TOO_OLD = Verdict(
    "ImageRefusesConfig",
    Severity.ERROR,
    "The router's image does not take the configuration, most often because it is older than this operator.",
    "Set spec.router.image to the operator's version, or remove the keys that the line names.",
    "kubectl -n {namespace} logs {pod} -c check-config",
)
NOT_RELOADED = Verdict(
    "ReloadRefused",
    Severity.ERROR,
    "A running router has refused a new configuration and serves with the one before.",
    "Read which key it names, and correct the resource.",
    "kubectl -n {namespace} logs deployment/{name} --tail=50",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    subject = f"SemanticRouter/{survey.name}"
    valid = survey.condition("ConfigValid")
    if valid.get("status") == "False":
        yield INVALID.found(survey, subject, str(valid.get("message", "")))
    for pod in survey.of_router("Pod"):
        for state in (pod.get("status") or {}).get("initContainerStatuses") or ():
            ended = (state.get("state") or {}).get("terminated") or (state.get("lastState") or {}).get("terminated")
            if state.get("name") != _CHECK_CONTAINER or not ended or not ended.get("exitCode") or state.get("ready"):
                continue
            if ended.get("reason") != "OOMKilled":
                name = pod["metadata"]["name"]
                said = " ".join(str(ended.get("message") or "").split())[-300:]
                text = said or f"The init container ended with exit code {ended['exitCode']}."
                yield IMAGE_TOO_OLD.found(survey, f"Pod/{name}", text, pod=name)
    for pod_name, said in survey.refusals():
        yield NOT_RELOADED.found(survey, pod_name, said)


CHECK = Check(
    "router-config",
    "A configuration is refused",
    "The condition ConfigValid, the init container check-config of each pod, and what running routers say of reloads.",
    (INVALID, IMAGE_TOO_OLD, NOT_RELOADED),
    _examine,
    frozenset({"Pod"}),
)
