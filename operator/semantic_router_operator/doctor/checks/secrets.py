"""Secrets that the resource refers to and that are missing or cannot be used."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

MISSING = Verdict(
    "SecretMissing",
    Severity.ERROR,
    "The resource refers to a Secret that does not exist; new pods cannot start without it.",
    "Create it with these keys.",
    "kubectl -n {namespace} create secret generic {secret} {keys}",
)
KEY_MISSING = Verdict(
    "SecretKeyMissing",
    Severity.ERROR,
    "A Secret lacks a key that the resource refers to; new pods cannot start without it.",
    "Add the key, or correct its name in the resource.",
    "kubectl -n {namespace} edit secret {secret}",
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
        made = name == f"{survey.milvus_name}-minio" or name.startswith(f"{survey.milvus_name}-milvus-")
        if facts is None and managed and made:
            # Logins and certificates that the operator makes once it has seen the resource, and milvus-operator's.
            continue
        if facts is None:
            wanted = sorted(survey.secret_keys.get(name) or ())
            text = f"It is not there; wanted of it: {', '.join(wanted) or 'any key'}."
            keys = " ".join(f"--from-literal={key}=VALUE" for key in wanted or ("KEY",))
            yield MISSING.found(survey, f"Secret/{name}", text, secret=name, keys=keys)
            continue
        if lacking := sorted(survey.secret_keys.get(name, frozenset()) - facts.keys):
            text = f"It has no {', '.join(lacking)}; it has {', '.join(sorted(facts.keys)) or 'nothing'}."
            yield KEY_MISSING.found(survey, f"Secret/{name}", text, secret=name)
        for key, problem in sorted(facts.malformed.items()):
            yield MALFORMED.found(survey, f"Secret/{name}", f"Key {key} {problem}.", secret=name)


CHECK = Check(
    "secrets",
    "A Secret is missing or malformed",
    "Every Secret that the resource refers to: that it exists, and that its keys can be used; never their values.",
    (MISSING, KEY_MISSING, MALFORMED),
    _examine,
    frozenset({"Secret"}),
)
