"""Images that cannot be had."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey
from semantic_router_operator.plan.pods import trouble

REASONS = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"})

CANNOT_PULL = Verdict(
    "ImageCannotBePulled",
    Severity.ERROR,
    "The node cannot get a container's image: its name is wrong, the registry cannot be reached, or it wants a login.",
    "Correct the image, or name the login in imagePullSecrets.",
    "kubectl -n {namespace} describe pod {pod}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    for pod in survey.pods():
        found = trouble([pod])
        if found is not None and found.reason in REASONS:
            name = pod["metadata"]["name"]
            yield CANNOT_PULL.found(survey, f"Pod/{name}", found.message, pod=name)


CHECK = Check(
    "image-pull",
    "An image cannot be pulled",
    "What keeps containers of the router and of Milvus waiting.",
    (CANNOT_PULL,),
    _examine,
    frozenset({"Pod"}),
)
