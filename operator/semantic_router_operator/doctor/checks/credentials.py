"""Milvus refuses the router: user, password, rights, TLS."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

MISSING = Verdict(
    "CredentialsMissing",
    Severity.ERROR,
    "Milvus wants a user name and a password, and the resource names none.",
    "Make a Secret with username and password and name it in spec.milvus.external.credentialsSecretRef.",
    "kubectl -n {namespace} create secret generic milvus-auth"
    " --from-literal=username=USER --from-literal=password=PASSWORD",
)
REFUSED = Verdict(
    "CredentialsRefused",
    Severity.ERROR,
    "Milvus has no such user or another password for it.",
    "Write the right ones into the Secret; the pods are replaced one after another.",
    "kubectl -n {namespace} get secret {secret} -o jsonpath='{{.data.username}}' | base64 -d",
)
RIGHT = Verdict(
    "RightMissing",
    Severity.ERROR,
    "The user is known to Milvus and lacks a right on the database or the collection.",
    "Grant the rights that docs/milvus.md lists, as Milvus' root.",
)
DATABASE = Verdict(
    "DatabaseMissing",
    Severity.ERROR,
    "The database that the resource names does not exist in Milvus.",
    "Create it as Milvus' root, or correct spec.milvus.external.database.",
)
TLS_REQUIRED = Verdict(
    "TLSRequired",
    Severity.ERROR,
    "Milvus speaks TLS only, and the resource asks for none.",
    "Set spec.milvus.external.tls.",
    "kubectl -n {namespace} edit semanticrouter {name}",
)
TLS_NOT_SPOKEN = Verdict(
    "TLSNotSpoken",
    Severity.ERROR,
    "The resource asks for TLS, and the server does not speak it at this port.",
    "Remove spec.milvus.external.tls, or switch TLS on in Milvus.",
    "kubectl -n {namespace} edit semanticrouter {name}",
)
CERTIFICATE = Verdict(
    "CertificateRefused",
    Severity.ERROR,
    "One side does not accept the other's certificate: another authority, another name, or past its validity.",
    "Compare ca.crt of the Secret with the server's authority, and set tls.serverName where the names differ.",
    "kubectl -n {namespace} get secret {tls_secret} -o jsonpath='{{.data.ca\\.crt}}' | base64 -d"
    " | openssl x509 -noout -issuer -enddate",
)

_OF_REASON = {
    **{each.reason: each for each in (MISSING, REFUSED, RIGHT, DATABASE, TLS_REQUIRED, TLS_NOT_SPOKEN, CERTIFICATE)},
    "CertificateUnusable": CERTIFICATE,
}


def _examine(survey: Survey) -> Iterator[Finding]:
    ready = survey.condition("MilvusReady")
    reason, message = str(ready.get("reason", "")), str(ready.get("message", ""))
    if ready.get("status") != "False" and survey.probed is not None and survey.probed.milvus is not None:
        reason, message = survey.probed.milvus.reason, survey.probed.milvus.message
    verdict = _OF_REASON.get(reason)
    if verdict is not None:
        external = survey.spec("milvus", "external") or {}
        yield verdict.found(
            survey,
            f"SemanticRouter/{survey.name}",
            message,
            secret=(external.get("credentialsSecretRef") or {}).get("name", "SECRET"),
            tls_secret=((external.get("tls") or {}).get("secretRef") or {}).get("name", "SECRET"),
        )


CHECK = Check(
    "credentials",
    "Milvus refuses the credentials or the certificate",
    "What the last probe with the real credentials and certificates was told.",
    (MISSING, REFUSED, RIGHT, DATABASE, TLS_REQUIRED, TLS_NOT_SPOKEN, CERTIFICATE),
    _examine,
)
