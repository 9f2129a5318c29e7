"""docs/reference/: pages about every field, written from the models that read them."""

from collections.abc import Iterator
from typing import Any

from semantic_router_operator.api.crd import SEMANTIC_CACHE_BACKUP, SEMANTIC_CACHE_RESTORE, Kind
from semantic_router_operator.api.semantic_router import Spec
from semantic_router_operator.api.status import Status
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.config.root import RouterConfig

Schema = dict[str, Any]
_HEAD = "<!-- Written by `make generate` from the models; change them, not this page. -->\n\n"
_LIMITS = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("maxLength", "at most {} characters"),
    ("maxItems", "at most {} entries"),
    ("maxProperties", "at most {} entries"),
)


def pages() -> dict[str, str]:
    """Return each page's text by its path from the project's root."""
    resource = (
        f"{_HEAD}# SemanticRouter\n\n`apiVersion: semanticrouter.dev/v1alpha1`, `kind: SemanticRouter`, short name "
        "`sr`. Every field is optional\nunless it says so. [examples/](../../examples) holds resources to begin with.\n"
    )
    router = (
        f"{_HEAD}# The router's configuration\n\n`semantic-router serve --config FILE`; `semantic-router check-config "
        "FILE` tells what is wrong with one. On a cluster the\noperator writes it from a "
        "[SemanticRouter](semanticrouter.md). `${NAME}` and `${NAME:-default}` stand for variables of the\n"
        "environment; relative paths start at the file's folder.\n"
    )
    milvus = (
        "\n# The Milvus client's file\n\nNamed by `semantic_cache.backend_config_path`, for the backends `milvus` and "
        "`hybrid`.\n"
    )
    return {
        "docs/reference/semanticrouter.md": resource
        + "".join(_sections(Spec.model_json_schema(by_alias=True), "spec"))
        + "".join(_sections(Status.model_json_schema(by_alias=True), "status")),
        "docs/reference/semanticcachebackup.md": _kind(SEMANTIC_CACHE_BACKUP),
        "docs/reference/semanticcacherestore.md": _kind(SEMANTIC_CACHE_RESTORE),
        "docs/reference/router-config.md": router
        + "".join(_sections(RouterConfig.model_json_schema(by_alias=True), "config.yaml"))
        + milvus
        + "".join(_sections(MilvusConfig.model_json_schema(by_alias=True), "milvus.yaml")),
    }


def _kind(kind: Kind) -> str:
    head = (
        f"{_HEAD}# {kind.name}\n\n`apiVersion: semanticrouter.dev/v1alpha1`, `kind: {kind.name}`, short name "
        f"`{kind.short}`. {kind.description}\n"
    )
    return (
        head
        + "".join(_sections(kind.spec.model_json_schema(by_alias=True), "spec"))
        + "".join(_sections(kind.status.model_json_schema(by_alias=True), "status"))
    )


def _sections(schema: Schema, root: str) -> Iterator[str]:
    """Yield a section for each model, where it is first used; other uses link to it."""
    definitions: dict[str, Schema] = schema.get("$defs", {})
    places: dict[str, str] = {}
    waiting = [(root, schema)]

    while waiting:
        path, model = waiting.pop(0)
        rows: list[str] = []
        inside: list[tuple[str, Schema]] = []
        for name, field in model.get("properties", {}).items():
            below = name if path.endswith(".yaml") else f"{path}.{name}"
            inner = _model_of(field)
            if inner is not None and "properties" in definitions[inner] and inner not in places:
                places[inner] = f"{below}[]" if _is_list(field) else below
                inside.append((places[inner], definitions[inner]))
            required = name in model.get("required", ())
            rows.append(
                f"| `{name}` | {_type(field, definitions, places)} | {'required' if required else _default(field)} "
                f"| {_text(field, definitions)} |\n"
            )
        waiting = inside + waiting
        yield f"\n## {path}\n\n"
        if model.get("description"):
            yield f"{_one_line(model['description'])}\n\n"
        yield "| Field | Type | Default | |\n|---|---|---|---|\n"
        yield from rows
        rules = [rule["message"] for rule in model.get("x-kubernetes-validations", ())]
        if rules:
            yield "\n" + "".join(f"- {rule}\n" for rule in rules)


def _choices(field: Schema) -> list[Schema]:
    return [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]


def _is_list(field: Schema) -> bool:
    return any(each.get("type") == "array" for each in _choices(field))


def _model_of(field: Schema) -> str | None:
    """Return the name of the model that the field holds, or a list of."""
    for choice in _choices(field):
        reference = choice.get("$ref") or choice.get("items", {}).get("$ref")
        if reference:
            return str(reference).rsplit("/", 1)[1]
    return None


def _type(field: Schema, definitions: dict[str, Schema], places: dict[str, str]) -> str:
    choice = _choices(field)[0]
    if any("x-kubernetes-int-or-string" in each for each in (field, choice)):
        return "number or text"
    if len(_choices(field)) > 1:
        return " or ".join(_type(each, definitions, places) for each in _choices(field))
    inner = _model_of(field)
    if inner is not None:
        if "properties" not in definitions[inner]:
            return _type(definitions[inner], definitions, places)
        link = f"[{inner}](#{_anchor(places[inner])})"
        return f"list of {link}{_limits(choice)}" if _is_list(field) else link
    if "const" in choice:
        return f"`{choice['const']}`"
    if "enum" in choice:
        return ", ".join(f"`{value}`" for value in choice["enum"])
    kind = choice.get("type")
    if kind == "array":
        items = {key: value for key, value in choice.get("items", {}).items() if key != "maxLength"}
        return f"list of {_type(items, definitions, places)}{_limits(choice)}"
    if kind == "object":
        values = choice.get("additionalProperties")
        held = f"map to {_type(values, definitions, places)}" if isinstance(values, dict) else "map"
        return f"{held}{_limits(choice)}"
    names = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`", "number": "number"}
    return f"{names.get(str(kind), 'any')}{_limits(choice)}"


def _limits(choice: Schema) -> str:
    said = [words.format(choice[key]) for key, words in _LIMITS if key in choice]
    return f", {', '.join(said)}" if said else ""


def _default(field: Schema) -> str:
    value = field.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return ""
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _text(field: Schema, definitions: dict[str, Schema]) -> str:
    """Return what the field says of itself, else what its model does."""
    inner = _model_of(field)
    said = field.get("description") or (definitions[inner].get("description") if inner is not None else "")
    return _one_line(str(said or "")).replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _anchor(title: str) -> str:
    """Return the fragment that GitHub gives to a heading."""
    return "".join(each for each in title.lower() if each.isalnum() or each in "-_")
