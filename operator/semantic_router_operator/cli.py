"""The command `semantic-router-operator`."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from semantic_router_operator.api.crd import definitions
from semantic_router_operator.api.validate import InvalidResource, parse
from semantic_router_operator.commands import backup_job
from semantic_router_operator.commands.doctor import doctor
from semantic_router_operator.plan.diagnosis import PATIENCE_SECONDS
from semantic_router_operator.render.facts import DEFAULT_IMAGE, DEFAULT_OPERATOR_IMAGE, OPTIONAL_KINDS, ClusterFacts
from semantic_router_operator.render.objects import render as render_objects

_NUMBER_LIKE = re.compile(r"[-+]?[\d._]+([eE][-+]?\d+)?")

app = typer.Typer(
    help="Kubernetes operator for semantic LLM routers.", no_args_is_help=True, pretty_exceptions_enable=False
)


app.command()(doctor)
app.add_typer(backup_job.app, name="backup")

Output = Annotated[Path | None, typer.Option("--output", "-o", help="Where to write; none: standard output.")]


@app.command()
def crd(output: Output = None) -> None:
    """Print the CustomResourceDefinitions, or write each into a file of a folder."""
    found = definitions()
    if output is None:
        typer.echo(to_yaml(list(found.values())), nl=False)
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, each in found.items():
        (output / f"{name}.yaml").write_text(to_yaml([each]), encoding="utf-8")


@app.command()
def render(
    file: Annotated[Path, typer.Argument(help="A file with SemanticRouter resources.")],
    output: Output = None,
    image: Annotated[str, typer.Option(help="The router's image where the resource names none.")] = DEFAULT_IMAGE,
) -> None:
    """Print the objects that the operator would make of a resource, without a cluster."""
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise _stop(f"{file}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise _stop(f"{file} is not YAML: {error}") from None
    resources = [each for each in documents if isinstance(each, dict) and each.get("kind") == "SemanticRouter"]
    if not resources:
        raise _stop(f"{file} holds no SemanticRouter")
    objects: list[dict[str, Any]] = []
    for raw in resources:
        try:
            resource = parse(raw)
            objects += render_objects(resource, ClusterFacts(default_image=image, kinds=OPTIONAL_KINDS))
        except InvalidResource as error:
            raise _stop(f"{file}:\n" + "\n".join(f"  {problem}" for problem in error.problems)) from None
    text = to_yaml(objects)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@app.command()
def run(
    namespace: Annotated[
        list[str] | None, typer.Option("--namespace", "-n", help="Watch this namespace only; may be repeated.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="None: the pod's ServiceAccount, else KUBECONFIG.")] = None,
    lease_namespace: Annotated[str | None, typer.Option(help="None: the operator's own namespace.")] = None,
    lease_name: Annotated[str, typer.Option(help="The Lease by which one of several operators leads.")] = (
        "semantic-router-operator"
    ),
    host: Annotated[str, typer.Option(help="Address of the health and metrics ports.")] = "0.0.0.0",  # noqa: S104
    health_port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    metrics_port: Annotated[int, typer.Option(min=1, max=65535)] = 9090,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Resources worked on at a time.")] = 8,
    resync_seconds: Annotated[float, typer.Option(min=1, help="Every resource is looked at this often.")] = 600,
    diagnose_after_seconds: Annotated[
        float, typer.Option(min=1, help="The doctor looks at a resource that is not ready for so long.")
    ] = PATIENCE_SECONDS,
    image: Annotated[str, typer.Option(help="The router's image where the resource names none.")] = DEFAULT_IMAGE,
    operator_image: Annotated[
        str, typer.Option(help="The operator's own image, for the Jobs of backups and restores.")
    ] = DEFAULT_OPERATOR_IMAGE,
    connect_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT=HOST:PORT",
            help="Ask the Milvus at the first address by way of the second; for an operator outside the cluster, with "
            "kubectl port-forward. May be repeated.",
        ),
    ] = None,
    webhook_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the validating webhook; none: there is no webhook.")
    ] = None,
    webhook_configuration: Annotated[
        str, typer.Option(help="The ValidatingWebhookConfiguration that leads here; its caBundle is kept true.")
    ] = "semantic-router-operator",
    webhook_certificates: Annotated[
        Path | None,
        typer.Option(help="A folder with tls.crt and tls.key, such as cert-manager's; none: one is made, in a Secret."),
    ] = None,
) -> None:
    """Run the operator until it is told to stop."""
    # Late, because rendering a file needs neither kopf nor a Kubernetes client.
    from semantic_router_operator.handlers.main import main as run_until_stopped

    code = run_until_stopped(
        tuple(namespace or ()),
        kubeconfig=kubeconfig,
        lease_namespace=lease_namespace,
        lease_name=lease_name,
        host=host,
        health_port=health_port,
        metrics_port=metrics_port,
        workers=workers,
        resync_seconds=resync_seconds,
        diagnose_after_seconds=diagnose_after_seconds,
        image=image,
        operator_image=operator_image,
        connect_to=dict(map(_address_pair, connect_to or ())),
        webhook_port=webhook_port,
        webhook_configuration=webhook_configuration,
        webhook_certificates=webhook_certificates,
    )
    raise typer.Exit(code)


def _address_pair(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^=\s]+:\d+)=([^=\s]+:\d+)", text)
    if match is None:
        raise _stop(f"--connect-to {text}: must be HOST:PORT=HOST:PORT")
    return match[1], match[2]


def to_yaml(objects: list[dict[str, Any]]) -> str:
    """Return the objects as YAML documents; texts of several lines stand as such."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # kubectl takes more texts for numbers than PyYAML does: 1e3, for one.
    style = "|" if "\n" in text else "'" if _NUMBER_LIKE.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _stop(message: str) -> typer.Exit:
    typer.echo(f"semantic-router-operator: {message}", err=True)
    return typer.Exit(2)


def main() -> None:
    """Entry point."""
    app()
