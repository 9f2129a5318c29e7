"""Secrets that the resource refers to and that are missing or cannot be used."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

MISSING = Verdict(
    "SecretMissing",
    Severity.ERROR,
    "The resource refers to a Secret that does not exist; new pods cannot start without it.",
    "Create it with the keys that the reference page names.",
    "kubectl -n {namespace} create secret generic {secret} --from-literal=KEY=VALUE",
)
MALFORMED = Verdict(
    "SecretUnusable",
    Severity.ERROR,
    "A key of a Secret holds what cannot be used.",
    "Write the key anew; mind that `echo` adds a line end and `--from-literal` does not.",
    "kubectl -n {namespace} edit secret {secret}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    managed = survey.spec("milvus", "managed") is not None
    for name, facts in sorted(survey.secrets.items()):
        if facts is None and managed and name.startswith(f"{survey.milvus_name}-milvus-"):
            # The logins and certificates that the operator makes itself, once it has seen the resource.
            continue
        if facts is None:
            yield MISSING.found(survey, f"Secret/{name}", "It is not there.", secret=name)
            continue
        for key, problem in sorted(facts.malformed.items()):
            yield MALFORMED.found(survey, f"Secret/{name}", f"Key {key} {problem}.", secret=name)


CHECK = Check(
    "secrets",
    "A Secret is missing or malformed",
    "Every Secret that the resource refers to: that it exists, and that its keys can be used; never their values.",
    (MISSING, MALFORMED),
    _examine,
    frozenset({"Secret"}),
)
