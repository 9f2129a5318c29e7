"""Jinja2 templates of Kubernetes objects.

Every value goes through the filter `json`, whose output is YAML as well: a string stays a string whatever it says
("123456", "on", "a: b"), and nothing can break out of its place.
"""

import json
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

# libyaml reads ten times as fast, and a Deployment is read in every pass over every resource.
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

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
    text = _environment.get_template(name).render(**values)
    result: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - safe, both of them
    return result
