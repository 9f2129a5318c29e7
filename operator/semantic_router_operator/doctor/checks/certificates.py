"""Certificates that have expired or are about to."""

from collections.abc import Iterator
from datetime import timedelta

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

_SOON = timedelta(days=14)

EXPIRED = Verdict(
    "CertificateExpired",
    Severity.ERROR,
    "A certificate is past its validity, so TLS connections that use it are refused.",
    "Put a new one into the Secret; the pods are replaced one after another.",
    "kubectl -n {namespace} create secret generic {secret} --from-file={key}=NEW_FILE --dry-run=client -o yaml"
    " | kubectl apply --server-side -f -",
)
EXPIRES_SOON = Verdict(
    "CertificateExpiresSoon",
    Severity.WARNING,
    "A certificate ends within two weeks; connections will be refused then.",
    "Renew it now; the pods are replaced one after another.",
    "kubectl -n {namespace} get secret {secret} -o jsonpath='{{.metadata.annotations}}'",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    for name, facts in sorted(survey.secrets.items()):
        for key, end in sorted(facts.expires.items()) if facts else ():
            if end <= survey.now:
                text = f"Key {key} was valid until {end:%Y-%m-%d %H:%M} UTC."
                yield EXPIRED.found(survey, f"Secret/{name}", text, key=key, secret=name)
            elif end - survey.now < _SOON:
                text = f"Key {key} is valid until {end:%Y-%m-%d %H:%M} UTC."
                yield EXPIRES_SOON.found(survey, f"Secret/{name}", text, secret=name)


CHECK = Check(
    "certificates",
    "A certificate has expired",
    "The end of validity of every certificate in the Secrets that the resource refers to.",
    (EXPIRED, EXPIRES_SOON),
    _examine,
    frozenset({"Secret"}),
)
