"""From the raw resource and the cluster's facts to what is desired, or to what is wrong, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from semantic_router_operator.api.implemented import unimplemented
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import InvalidResource, parse
from semantic_router_operator.plan.key import PAUSE_ANNOTATION
from semantic_router_operator.plan.reconcile import Desired
from semantic_router_operator.render import names
from semantic_router_operator.render.deployment import referenced_secrets
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.mentions import Mention, mentions
from semantic_router_operator.render.milvus_address import milvus_address
from semantic_router_operator.render.missing import missing_kinds
from semantic_router_operator.render.objects import endpoint, render
from semantic_router_operator.render.router_config import router_config


def secrets_of(raw: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The Secrets that the resource refers to and the keys it needs of them; none for one that is not valid."""
    try:
        return referenced_secrets(parse(raw))
    except InvalidResource:
        return {}


def mentions_of(raw: Mapping[str, Any]) -> list[Mention]:
    """What the resource's pod template mentions; nothing for one that is not valid."""
    try:
        return mentions(parse(raw))
    except InvalidResource:
        return []


def desired_of(raw: Mapping[str, Any], facts: ClusterFacts, secret_problems: Sequence[str]) -> Desired:
    """Never raises for what a user wrote."""
    paused = (raw["metadata"].get("annotations") or {}).get(PAUSE_ANNOTATION) == "true"
    try:
        resource = parse(raw)
        return Desired(
            objects=render(resource, facts),
            unimplemented=[sentence for _, sentence in unimplemented(resource)],
            suspended=resource.spec.suspend or paused,
            status=_status(resource),
            secret_problems=secret_problems,
            skipped=[sentence for _, sentence in missing_kinds(resource, facts)],
            epoch=router_config(resource).config_epoch,
            milvus=milvus_address(resource, facts),
        )
    except InvalidResource as error:
        return Desired(problems=[str(problem) for problem in error.problems], suspended=paused)
    except ValueError as error:
        # The router's own models refuse what the resource's schema lets through.
        return Desired(problems=[str(error)], suspended=paused)


def _status(resource: SemanticRouter) -> dict[str, Any]:
    return {
        "endpoint": endpoint(resource),
        "selector": ",".join(f"{key}={value}" for key, value in names.selector(resource).items()),
    }
