"""From plain data to a model; pydantic's findings become Problems that a person can act on."""

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from semantic_router_proxy.config.problems import ConfigError, Problem

Model = TypeVar("Model", bound=BaseModel)

_SECRET_WORDS = ("password", "token", "secret", "api_key", "credential")
_LONGEST_VALUE = 80
_CREDENTIALS_IN_URL = re.compile(r"//[^/@\s]+@")


def validate(model: type[Model], data: dict[str, Any], file: Path | None) -> Model:
    """Return the model made from the data. Raises ConfigError with one Problem for each finding."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError([_problem(finding, model, file) for finding in error.errors()]) from None


def _problem(finding: Any, model: type[BaseModel], file: Path | None) -> Problem:
    location: tuple[str | int, ...] = finding["loc"]
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else (f".{part}" if key else part)
    if finding["type"] == "extra_forbidden":
        return Problem(file, key, "unknown key", advice=_known_keys(model, location))
    message = str(finding["msg"]).removeprefix("Value error, ")
    value = finding.get("input")
    shown = ""
    secret = any(word in key.lower() for word in _SECRET_WORDS)
    if not secret and isinstance(value, str | int | float | bool):
        shown = _CREDENTIALS_IN_URL.sub("//…@", repr(value))
        shown = shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + "…"
    return Problem(file, key, message, value=shown)


def _known_keys(model: type[BaseModel], location: tuple[str | int, ...]) -> str:
    """Say which keys stand where an unknown one was found, the most alike first."""
    current: type[BaseModel] | None = model
    for part in location[:-1]:
        if current is None or isinstance(part, int):
            continue
        field = next((f for name, f in current.model_fields.items() if part in (name, f.alias)), None)
        current = _model_in(field.annotation) if field else None
    if current is None:
        return ""
    known = [field.alias or name for name, field in current.model_fields.items()]
    alike = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"Did you mean {alike[0]}?" if alike else f"Allowed here: {', '.join(sorted(known))}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the section class inside an annotation such as `tuple[Section, ...]` or `Section | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
