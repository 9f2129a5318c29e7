"""From a file's text to plain data: YAML without surprises, and `${NAME}` from the environment."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from semantic_router_proxy.config.problems import ConfigError, Problem

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses a key written twice; YAML itself would take the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool | None):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} stands here twice", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)


# Inode, time of the last change in nanoseconds, size; zeros where there is no file.
FileState = tuple[int, int, int]


def file_state(file: Path) -> FileState:
    """Return what tells one state of a file from another. A ConfigMap's symlink swap shows as well."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size


def read_text(file: Path) -> str:
    """Return the file's text. Raises ConfigError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([Problem(file, "", "there is no such file")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(file, "", f"cannot be read: {error}")]) from None


def parse_yaml(text: str, file: Path | None) -> dict[str, Any]:
    """Return the mapping that the text holds; an empty text is an empty mapping. Raises ConfigError."""
    try:
        data = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError([Problem(file, "", f"is not YAML: {where}{error.problem}")]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Problem(file, "", f"is not YAML: {error}")]) from None
    if data is None:
        return {}
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError([Problem(file, "", "must be a mapping of keys to values")])
    return data


def substitute(data: Any, environment: Mapping[str, str], file: Path | None) -> Any:
    """Replace `${NAME}` and `${NAME:-default}` in every string of the data.

    Only parsed strings are touched, so a value from the environment can never become a number, a key or a new line
    of YAML. Raises ConfigError naming each variable that is not set and has no default.
    """
    problems: list[Problem] = []

    def walk(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: walk(child, f"{key}.{name}" if key else str(name)) for name, child in value.items()}
        if isinstance(value, list):
            return [walk(child, f"{key}[{number}]") for number, child in enumerate(value)]
        if not isinstance(value, str):
            return value

        def look_up(match: re.Match[str]) -> str:
            name, default = match.group(1), match.group(2)
            if name in environment:
                return environment[name]
            if default is not None:
                return default
            problems.append(Problem(file, key, f"the environment variable {name} is not set"))
            return ""

        return _VARIABLE.sub(look_up, value)

    result = walk(data, "")
    if problems:
        raise ConfigError(problems)
    return result
