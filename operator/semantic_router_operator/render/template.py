"""Jinja2 templates of Kubernetes objects.

Every value goes through the filter `json`, whose output is YAML as well: a string stays a string whatever it says
("123456", "on", "a: b"), and nothing can break out of its place.
"""

import json
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

# The templates write YAML, not HTML; see the filter below.
_environment = Environment(  # noqa: S701
    loader=PackageLoader("semantic_router_operator.render", "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)


def render_template(name: str, **values: Any) -> dict[str, Any]:
    """Return the object that a template describes."""
    result: dict[str, Any] = yaml.safe_load(_environment.get_template(name).render(**values))
    return result
