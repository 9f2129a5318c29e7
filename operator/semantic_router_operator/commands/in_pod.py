"""`cache`, `explain` and `logs`: what kubectl does inside or beside a running pod, without its long words."""

import os
import shutil
from collections.abc import Sequence

import typer

from semantic_router_operator.commands.target import stop

_CONFIG = "config/config.yaml"


def cache(context: typer.Context) -> None:
    """Run `semantic-router cache …` in a router: kubectl semantic-router cache NAME [-n NAMESPACE] stats."""
    namespace, name, rest = _words(context.args, "cache NAME [-n NAMESPACE] stats|list|get|delete|invalidate|…")
    become(in_router(namespace, name, ["semantic-router", "cache", *rest]))


def explain(context: typer.Context) -> None:
    """Tell how a text would be routed: kubectl semantic-router explain NAME [-n NAMESPACE] "TEXT"."""
    namespace, name, rest = _words(context.args, 'explain NAME [-n NAMESPACE] "TEXT"')
    become(in_router(namespace, name, ["semantic-router", "explain", "--config", _CONFIG, *rest]))


def logs(context: typer.Context) -> None:
    """Show the routers' log: kubectl semantic-router logs NAME [-n NAMESPACE] [options of kubectl logs]."""
    namespace, name, rest = _words(context.args, "logs NAME [-n NAMESPACE] [options of kubectl logs]", at_least=0)
    selector = f"app.kubernetes.io/name=semantic-router,app.kubernetes.io/instance={name}"
    become(["kubectl", *namespace, "logs", "-l", selector, "--container=router", "--prefix", "--tail=100", *rest])


def in_router(namespace: Sequence[str], name: str, command: Sequence[str]) -> list[str]:
    """Return the words that run a command in one of the resource's routers."""
    return ["kubectl", *namespace, "exec", f"deployment/{name}", "--container=router", "--", *command]


def become(command: Sequence[str]) -> None:
    """Let kubectl take this process' place, so that its input, output and exit code are its own."""
    program = shutil.which(command[0])
    if program is None:
        stop(f"{command[0]} is not on the PATH; it is needed to run a command in a pod.")
    os.execv(program, list(command))  # noqa: S606 - no shell: the words are passed as they are


def _words(args: list[str], usage: str, at_least: int = 1) -> tuple[list[str], str, list[str]]:
    """Return kubectl's namespace option, the resource's name and the rest."""
    words, namespace = list(args), []
    for option in ("-n", "--namespace"):
        if option in words[:4]:
            place = words.index(option)
            namespace = ["--namespace", *words[place + 1 : place + 2]]
            del words[place : place + 2]
    if len(words) < 1 + at_least or words[0].startswith("-"):
        stop(f"Usage: kubectl semantic-router {usage}")
    return namespace, words[0], words[1:]
