"""Which resource a command is about, and how the cluster is reached."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.plan.key import API_VERSION, KIND, ObjectKey

Result = TypeVar("Result")
Name = Annotated[str | None, typer.Argument(help="Of the SemanticRouter; none: the only one of the namespace.")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="None: that of the kubeconfig's context.")]
Kubeconfig = Annotated[Path | None, typer.Option(help="None: KUBECONFIG, else ~/.kube/config.")]

USAGE = 2


@dataclass(frozen=True, slots=True)
class Target:
    """One resource and the connection to its cluster."""

    connection: Connection
    objects: Objects
    namespace: str
    name: str

    @property
    def key(self) -> ObjectKey:
        """Of the resource."""
        return ObjectKey(API_VERSION, KIND, self.namespace, self.name)

    async def read(self) -> dict[str, Any]:
        """Return the resource. Exits with a sentence where there is none. Raises ApiError, UnknownKindError."""
        raw = await self.objects.get(self.key)
        if raw is None:
            stop(f"There is no SemanticRouter {self.name} in namespace {self.namespace}.")
        return raw


def with_target(
    name: str | None, namespace: str | None, kubeconfig: Path | None, work: Callable[[Target], Awaitable[Result]]
) -> Result:
    """Run `work` with one resource. Prints a sentence and exits with 2 where cluster or resource is not found."""

    async def run() -> Result:
        connection = await Connection.open(kubeconfig)
        try:
            objects = Objects(connection, Discovery(connection))
            place = namespace or connection.namespace
            return await work(Target(connection, objects, place, name or await _only_one(objects, place)))
        finally:
            await connection.close()

    try:
        return asyncio.run(run())
    except (ApiError, UnknownKindError) as error:
        stop(str(error))


async def _only_one(objects: Objects, namespace: str) -> str:
    names = [each["name"] for each in await objects.list_metadata(API_VERSION, KIND, namespace)]
    if not names:
        stop(f"There is no SemanticRouter in namespace {namespace}; name another with -n.")
    if len(names) > 1:
        stop(f"Namespace {namespace} has {len(names)}: {', '.join(sorted(names))}; name one of them.")
    return str(names[0])


def stop(message: str, code: int = USAGE) -> NoReturn:
    """Print a sentence to standard error and exit."""
    typer.echo(message, err=True)
    raise typer.Exit(code)
