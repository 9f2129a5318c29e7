"""Fields of one section that exclude or need each other, checked again: the CRD's CEL rules say the same.

What the router's own models refuse is not repeated here; rendering asks them (render/refusal.py).
"""

from semantic_router_operator.api.cache import Embedding
from semantic_router_operator.api.problems import Problem
from semantic_router_operator.api.schedule import schedule_problem, time_zone_problem
from semantic_router_operator.api.semantic_router import SemanticRouter


def section_problems(resource: SemanticRouter) -> list[Problem]:
    """Return what is wrong within sections."""
    return [*_router(resource), *_embedding(resource.spec.cache.embedding), *_milvus(resource), *_backup(resource)]


def _router(resource: SemanticRouter) -> list[Problem]:
    router, problems = resource.spec.router, list[Problem]()
    autoscaling, budget = router.autoscaling, router.pod_disruption_budget
    if autoscaling is not None and autoscaling.enabled and router.replicas is not None:
        problems.append(Problem("spec.router.replicas", "belongs to the autoscaler while autoscaling is on; remove it"))
    if autoscaling is not None and autoscaling.min_replicas > autoscaling.max_replicas:
        text = f"must not exceed maxReplicas ({autoscaling.max_replicas})"
        problems.append(Problem("spec.router.autoscaling.minReplicas", text, str(autoscaling.min_replicas)))
    if budget is not None and budget.min_available is not None and budget.max_unavailable is not None:
        problems.append(Problem("spec.router.podDisruptionBudget", "set minAvailable or maxUnavailable, not both"))
    return problems


def _embedding(embedding: Embedding) -> list[Problem]:
    path, problems = "spec.cache.embedding", list[Problem]()
    files = embedding.files
    if files is None:
        return problems
    if embedding.backend == "openai":
        problems.append(Problem(f"{path}.files", "backend openai runs its model elsewhere; remove it"))
    if (files.claim_name is None) == (files.storage is None):
        problems.append(Problem(f"{path}.files", "must have exactly one of claimName and storage"))
    if files.path is not None and files.claim_name is None:
        problems.append(Problem(f"{path}.files.path", "is a folder of claimName; remove it", files.path))
    if files.storage is not None and embedding.backend != "sentence-transformers":
        text = "is for backend sentence-transformers, the only one that loads models"
        problems.append(Problem(f"{path}.files.storage", text))
    return problems


def _milvus(resource: SemanticRouter) -> list[Problem]:
    managed = resource.spec.milvus.managed if resource.spec.milvus is not None else None
    tls = managed.tls if managed is not None else None
    if tls is not None and (tls.secret_ref is None) == (tls.issuer_ref is None):
        return [Problem("spec.milvus.managed.tls", "must have exactly one of secretRef and issuerRef")]
    return []


def _backup(resource: SemanticRouter) -> list[Problem]:
    backup, problems = resource.spec.backup, list[Problem]()
    if backup is None:
        return problems
    milvus = resource.spec.milvus if resource.backend != "memory" else None
    managed = milvus is not None and milvus.managed is not None
    if backup.s3 is None and not managed:
        text = "is needed: only a managed Milvus in use brings an object store of its own"
        problems.append(Problem("spec.backup.s3", text))
    if backup.engine == "milvus-backup" and not managed:
        text = "is for a managed Milvus in use, whose object store is known; use export"
        problems.append(Problem("spec.backup.engine", text, backup.engine))
    if backup.snapshots.enabled and not managed:
        problems.append(Problem("spec.backup.snapshots", "are of the volumes of a managed Milvus in use"))
    held_by_pods = milvus is None or milvus.embedded is not None
    if held_by_pods and resource.spec.router.admin_token_secret_ref is None:
        text = "is needed for backups of a cache in memory or in Milvus Lite: it is read from the pods"
        problems.append(Problem("spec.router.adminTokenSecretRef", text))
    if backup.verify_schedule is not None and backup.verify == "never":
        problems.append(Problem("spec.backup.verifySchedule", "belongs to verify: weekly"))
    checked = [
        ("schedule", backup.schedule, schedule_problem),
        ("verifySchedule", backup.verify_schedule, schedule_problem),
        ("timeZone", backup.time_zone, time_zone_problem),
    ]
    problems += [
        Problem(f"spec.backup.{field}", said, value)
        for field, value, problem in checked
        if value is not None and (said := problem(value))
    ]
    return problems
