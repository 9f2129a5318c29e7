"""Others write fields of the Milvus resource that the operator holds, or that nobody may set."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Json, Survey
from semantic_router_operator.plan.key import FIELD_MANAGER

_NEVER = (("minio", "address"), ("minio", "port"), ("pulsar", "address"), ("pulsar", "port"), ("etcd", "endpoints"))

CONFLICT = Verdict(
    "FieldsTaken",
    Severity.WARNING,
    "Another program writes fields of the Milvus resource that this operator holds; each undoes the other.",
    "Change spec.milvus.managed instead, and stop the other program (kubectl edit, Helm, a GitOps tool).",
    "kubectl -n {namespace} get milvus {milvus} -o yaml --show-managed-fields",
)
ADDRESS_SET = Verdict(
    "DependencyAddressSet",
    Severity.ERROR,
    "spec.config names the address of a dependency that milvus-operator runs itself; Milvus then asks the wrong one.",
    "Remove the key from spec.config.",
    "kubectl -n {namespace} edit milvus {milvus}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    milvus = survey.managed_milvus
    if milvus is None:
        return
    subject = f"Milvus/{survey.milvus_name}"
    config = (milvus.get("spec") or {}).get("config") or {}
    for section, key in _NEVER:
        if key in (config.get(section) or {}):
            yield ADDRESS_SET.found(survey, subject, f"spec.config.{section}.{key} is set.")
    managers = {str(each.get("manager")): each for each in milvus["metadata"].get("managedFields") or ()}
    ours = _leaves(managers.get(FIELD_MANAGER, {}).get("fieldsV1") or {})
    for manager, entry in sorted(managers.items()):
        if manager == FIELD_MANAGER:
            continue
        shared = sorted(ours & _leaves(entry.get("fieldsV1") or {}))
        if shared:
            text = f"{manager} also writes {', '.join(shared[:5])}{' …' if len(shared) > 5 else ''}."
            yield CONFLICT.found(survey, subject, text)


def _leaves(fields: Json, path: str = "") -> frozenset[str]:
    """Return the paths of the spec's fields that a manager has set: https://kubernetes.io/docs/reference/using-api/server-side-apply/."""
    found: set[str] = set()
    for key, below in fields.items():
        if not key.startswith("f:"):
            continue
        place = f"{path}.{key[2:]}" if path else key[2:]
        if not place.startswith("spec"):
            continue
        deeper = _leaves(below, place)
        found |= deeper or {place}
    return frozenset(found)


CHECK = Check(
    "milvus-values",
    "Somebody else writes the Milvus resource",
    "Who has set which field of the Milvus resource, and addresses that nobody may set.",
    (CONFLICT, ADDRESS_SET),
    _examine,
    frozenset({"Milvus"}),
)
