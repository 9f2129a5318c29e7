"""`hibernate` and `resume`: no router pods for a while; configuration, Milvus and volumes stay."""

import typer

from semantic_router_operator.api.semantic_router import HIBERNATE_ANNOTATION
from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, stop, with_target
from semantic_router_operator.plan.key import API_VERSION, KIND, ObjectKey


def hibernate(name: Name = None, namespace: Namespace = None, kubeconfig: Kubeconfig = None) -> None:
    """Stop all routers of a SemanticRouter until `resume`; what is in Milvus or on a volume stays."""
    told = with_target(name, namespace, kubeconfig, lambda target: _annotate(target, "on"))
    typer.echo(f"{told} hibernates: its pods end once their streams have ended. Wake it with: resume")


def resume(name: Name = None, namespace: Namespace = None, kubeconfig: Kubeconfig = None) -> None:
    """Start the routers of a SemanticRouter that hibernates."""
    told = with_target(name, namespace, kubeconfig, lambda target: _annotate(target, None))
    typer.echo(
        f"{told} resumes. Wait for it with: kubectl wait --for=condition=Ready semanticrouter/{told.split('/')[1]}"
    )


async def _annotate(target: Target, value: str | None) -> str:
    key = ObjectKey(API_VERSION, KIND, target.namespace, target.name)
    if await target.objects.get(key) is None:
        stop(f"There is no SemanticRouter {target.name} in namespace {target.namespace}.")
    await target.objects.merge(key, {"metadata": {"annotations": {HIBERNATE_ANNOTATION: value}}})
    return f"{target.namespace}/{target.name}"
