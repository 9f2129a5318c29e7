"""`hibernate` and `resume`: no router pods for a while; configuration, Milvus and volumes stay."""

import typer

from semantic_router_operator.api.semantic_router import HIBERNATE_ANNOTATION
from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, with_target


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
    await target.read()
    await target.objects.merge(target.key, {"metadata": {"annotations": {HIBERNATE_ANNOTATION: value}}})
    return f"{target.namespace}/{target.name}"
