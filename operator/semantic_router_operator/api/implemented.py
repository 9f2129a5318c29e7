"""Sections that are modelled and not built yet: refused by a condition, never passed over in silence."""

from semantic_router_operator.api.semantic_router import SemanticRouter


def unimplemented(resource: SemanticRouter) -> list[tuple[str, str]]:
    """Return path and sentence of each section in use that the operator cannot carry out."""
    spec = resource.spec
    used = {
        "spec.backup": spec.backup is not None,
    }
    return [
        (path, f"{path} is not carried out by this version of the operator; remove it")
        for path, is_used in used.items()
        if is_used
    ]
