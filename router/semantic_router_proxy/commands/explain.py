"""`semantic-router explain`: which model a question would go to, and why."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from semantic_router_proxy.commands.problems import report
from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.problems import ConfigError


def explain(
    text: Annotated[str, typer.Argument(help="The question.")],
    config: Annotated[Path, typer.Option(help="The router's configuration file.")],
    header: Annotated[list[str] | None, typer.Option(help="A header of the request, NAME: VALUE; repeatable.")] = None,
    caller: Annotated[str, typer.Option(help="Name of the API key that asks.")] = "",
    user: Annotated[str, typer.Option(help="The body's user.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the decision for a question without a running router; the cache is not asked."""
    from semantic_router_proxy.embedding.base import EmbeddingError

    try:
        told = asyncio.run(_explain(config, text, _headers(header or []), caller, user))
    except ConfigError as error:
        raise typer.Exit(report(error)) from None
    except EmbeddingError as error:
        typer.echo(f"semantic-router: {error}", err=True)
        raise typer.Exit(2) from None
    if json:
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(highlight=False)
    console.print(f"[bold]{told['model'] or 'no model'}[/bold]  {_summary(told)}")
    console.print(told["reason"], markup=False)
    table = Table("Signal", "Holds", "Confidence", "Why")
    for each in told["signals"]:
        holds = ("yes" if each["matched"] else "no") + ("" if each["sure"] else ", unsure")
        table.add_row(each["signal"], holds, f"{each['confidence']:.2f}", each["why"])
    if told["signals"]:
        console.print(table)


def _summary(told: dict[str, Any]) -> str:
    reasoning = (told["reasoning_effort"] or "on") if told["use_reasoning"] else "off"
    prompt = f"  system prompt: {told['system_prompt']}" if told["system_prompt"] else ""
    escalated = "  escalated" if told["escalated"] else ""
    return f"decision: {told['decision'] or 'none'}  reasoning: {reasoning}{prompt}{escalated}"


def _headers(given: list[str]) -> dict[str, str]:
    headers = {}
    for each in given:
        name, separator, value = each.partition(":")
        if not separator:
            raise typer.BadParameter(f"{each!r} is not of the form NAME: VALUE", param_hint="--header")
        headers[name.strip().lower()] = value.strip()
    return headers


async def _explain(file: Path, text: str, headers: dict[str, str], caller: str, user: str) -> dict[str, Any]:
    from prometheus_client import CollectorRegistry

    from semantic_router_proxy.embedding.factory import make_embedder
    from semantic_router_proxy.server.engine import make_engine
    from semantic_router_proxy.server.explain import explain as explain_request
    from semantic_router_proxy.server.gateway import Gateway
    from semantic_router_proxy.server.observe import Observer
    from semantic_router_proxy.upstream.client import UpstreamClient

    loaded = load_config(file)
    embedder = await make_embedder(loaded.router.embedding) if loaded.router.signals.by_meaning else None
    client = UpstreamClient()
    engine = await make_engine(loaded, os.environ, client, embedder)
    gateway = Gateway(engine, client, Observer(CollectorRegistry()), None, embedder)
    try:
        body: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": text}]}
        if user:
            body["user"] = user
        told = await explain_request(gateway, body, headers=headers, caller=caller)
    finally:
        await gateway.close()
    del told["cache"]
    return told
