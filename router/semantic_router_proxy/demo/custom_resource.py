"""The CR before and after the operator's renderer: pointed at the demo's model server, and written to files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from semantic_router_proxy.demo.processes import DemoError


@dataclass(frozen=True, slots=True)
class Upstream:
    """The model server of the demo. `models` are its names for the CR's models, in their order; empty: the same."""

    base_url: str
    api_key: str
    models: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The router's file, the environment that its Deployment would set, and the objects' names for people."""

    config: Path
    environment: dict[str, str]
    objects: str


def with_upstream(file: Path, upstream: Upstream) -> str:
    """Return the CR as YAML with each provider at the demo's model server. Raises DemoError."""
    try:
        resource: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        spec: dict[str, Any] = resource["spec"]
        for provider in spec["providers"]:
            provider["baseURL"] = upstream.base_url
            provider.pop("apiKeySecretRef", None)
            if upstream.api_key:
                provider["apiKeySecretRef"] = {"name": "demo", "key": "api-key"}
        for model, name in zip(spec["models"], upstream.models, strict=False):
            model["upstreamName"] = name
    except OSError as error:
        raise DemoError(f"{file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise DemoError(f"{file} is not a SemanticRouter with providers and models: {error}") from None
    return yaml.safe_dump(resource, sort_keys=False, allow_unicode=True)


def rendered_files(text: str, upstream: Upstream, folder: Path) -> Rendered:
    """Write what the two ConfigMaps hold where the pod would see it, and collect the pod's environment."""
    objects = [document for document in yaml.safe_load_all(text) if document]
    names = ", ".join(f"{each['kind']} {each['metadata']['name']}" for each in objects)
    config = folder / "config.yaml"
    milvus = folder / "config" / "semantic-cache" / "milvus.yaml"
    milvus.parent.mkdir(parents=True)
    for each in objects:
        if each["kind"] == "ConfigMap":
            for key, target in (("config.yaml", config), ("milvus.yaml", milvus)):
                if key in each["data"]:
                    target.write_text(each["data"][key], encoding="utf-8")
    if not config.exists():
        raise DemoError(f"the operator rendered no config.yaml, only: {names}")
    environment = {"SEMANTIC_ROUTER_DATA_DIR": str(folder)}
    for provider in yaml.safe_load(config.read_text(encoding="utf-8")).get("providers", []):
        if provider.get("api_key_env"):
            environment[provider["api_key_env"]] = upstream.api_key
    return Rendered(config, environment, names)
