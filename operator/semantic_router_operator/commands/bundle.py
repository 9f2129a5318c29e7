"""`bundle`: everything that somebody else needs to look into a problem, in one file, without secrets."""

import io
import json
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.logs import pod_logs
from semantic_router_operator.commands.doctor import as_data, observed, show
from semantic_router_operator.commands.target import Kubeconfig, Name, Namespace, Target, with_target
from semantic_router_operator.doctor.examination import examine
from semantic_router_operator.doctor.redaction import redacted, redacted_text
from semantic_router_operator.doctor.survey import Survey


def bundle(
    name: Name = None,
    namespace: Namespace = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="None: NAME-bundle-TIME.tar.gz here.")] = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Write a diagnostics bundle: resources, Events, logs and the doctor's report; secrets are removed."""
    files, found = with_target(name, namespace, kubeconfig, _collect)
    place = output or Path(f"{found}-bundle-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz")
    write(files, place)
    typer.echo(f"{place}: {len(files)} files. Look through it before you pass it on.")


async def _collect(target: Target) -> tuple[dict[str, str], str]:
    seen = await observed(target)
    files = contents(seen)
    for pod in (*seen.of_router("Pod"), *seen.milvus_pods()):
        name = str(pod["metadata"]["name"])
        for container in [each["name"] for each in pod["spec"].get("containers") or ()]:
            try:
                text = await pod_logs(target.connection, target.namespace, name, container)
            except ApiError as error:
                text = f"(not read: {error.message})\n"
            files[f"logs/{name}/{container}.log"] = redacted_text(text)
    return files, target.name


def contents(seen: Survey) -> dict[str, str]:
    """Return path and text of every file of a bundle but the logs."""
    report = examine(seen)
    shown = io.StringIO()
    show(report, Console(file=shown, width=100, color_system=None))
    files = {
        "doctor.txt": shown.getvalue(),
        "doctor.json": json.dumps(as_data(report), indent=2) + "\n",
        "secrets.yaml": _yaml(
            [
                {"name": name, "keys": sorted(facts.keys) if facts else None, "exists": facts is not None}
                for name, facts in sorted(seen.secrets.items())
            ]
        ),
        "unreadable.yaml": _yaml({**seen.unreadable, **dict.fromkeys(sorted(seen.unserved), "not served")}),
    }
    if seen.resource is not None:
        files["semanticrouter.yaml"] = _yaml(redacted(seen.resource))
    for kind, objects in sorted(seen.objects.items()):
        for each in objects:
            metadata = each["metadata"]
            files[f"objects/{kind.lower()}/{metadata['name']}.yaml"] = _yaml(redacted(each))
    return files


def write(files: dict[str, str], place: Path) -> None:
    """Write a compressed archive; an unfinished one never has the name."""
    unfinished = place.with_name(f".{place.name}.part")
    with tarfile.open(unfinished, "w:gz") as archive:
        for path, text in sorted(files.items()):
            data = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(data))
    unfinished.replace(place)


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
