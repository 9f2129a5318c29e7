"""Two generations of Pulsar run beside one another."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey, labels

TWICE = Verdict(
    "PulsarTwice",
    Severity.WARNING,
    "Both Pulsar v2 and Pulsar v3 were switched on in the chart's values; one of them only takes memory.",
    "Keep v3 (Milvus 2.4 and later); messages that Milvus has not read yet are lost with v2, so stop writers first.",
    "helm upgrade {release} milvus/milvus -n {namespace} --reset-then-reuse-values"
    " --set pulsar.enabled=false --set pulsarv3.enabled=true",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    generations: dict[str, dict[str, list[str]]] = {}
    for pod in survey.all("Pod"):
        name, own = pod["metadata"]["name"], labels(pod)
        for generation in ("pulsarv3", "pulsar"):
            release, found, _ = name.partition(f"-{generation}-")
            if found:
                release = own.get("release", release).removesuffix(f"-{generation}")
                generations.setdefault(release, {}).setdefault(generation, []).append(name)
                break
    for release, found_by in sorted(generations.items()):
        if len(found_by) == 2:
            text = f"{len(found_by['pulsar'])} pods of v2, {len(found_by['pulsarv3'])} of v3."
            yield TWICE.found(survey, f"Pod/{found_by['pulsar'][0]}", text, release=release)


CHECK = Check(
    "pulsar",
    "Both Pulsar and Pulsar v3 run",
    "The names of the pods in the namespace.",
    (TWICE,),
    _examine,
    frozenset({"Pod"}),
)
