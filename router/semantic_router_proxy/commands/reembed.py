"""`semantic-router cache reembed`: move a cache to another embedding model."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from semantic_router_proxy.commands.cache_output import Output, print_json
from semantic_router_proxy.commands.problems import report
from semantic_router_proxy.config.embedding import DEFAULT_MODEL, EmbeddingConfig
from semantic_router_proxy.config.load import LoadedConfig, load_config
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from semantic_router_proxy.cache.reembed import Outcome, Reembedding, Source
    from semantic_router_proxy.cache.reembed_quality import Finding
    from semantic_router_proxy.embedding.base import Embedder, Vectors

_TOO_UNLIKE = 3

# Paraphrases: each question with its other wording.
Pairs = list[tuple[str, str]]


def reembed(
    config: Annotated[Path, typer.Option(help="The router's configuration file.")],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL|FOLDER|FILE.yaml",
            help="The new model: its name, its folder, or a configuration with the new `embedding` section; "
            "none: what --config has, where the collection is still the old model's.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compare the two models and change nothing.")] = False,
    sample: Annotated[int, typer.Option(min=0, max=2000, help="Stored questions to compare the models on.")] = 500,
    pairs: Annotated[
        Path | None, typer.Option(help='Paraphrases to compare on as well: JSON lines {"question": …, "same": …}.')
    ] = None,
    min_recall: Annotated[
        float, typer.Option(min=0, max=1, help="Stop with code 3 where the models agree on less (recall@k).")
    ] = 0.0,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Drop the old collection when all is done.")] = False,
    output: Output = "table",
) -> None:
    """Fill a collection for another embedding model beside the one in use, then put it in its place in one step.

    A run that was stopped is continued by the same command. Afterwards give the routers the new embedding section and
    restart them; the old collection stays until --drop-old. With -o json progress goes to standard error.
    """
    from semantic_router_proxy.cache.store import StoreMismatch, StoreUnavailable
    from semantic_router_proxy.embedding.base import EmbeddingError

    console = Console(highlight=False, stderr=output == "json")
    try:
        loaded = load_config(config)
        if loaded.milvus is None:
            backend = loaded.router.semantic_cache.backend_type
            problem = Problem(config, "semantic_cache.backend_type", "has no collection to re-embed", value=backend)
            raise ConfigError([problem])
        embedding = _new_embedding(loaded.router.embedding, to)
        command = _Command(loaded, loaded.milvus, embedding, sample, _read_pairs(pairs), console)
        code = asyncio.run(command.run(dry_run=dry_run, min_recall=min_recall, drop_old=drop_old))
        if output == "json":
            print_json(command.told)
    except ConfigError as error:
        raise typer.Exit(report(error)) from None
    except (StoreMismatch, EmbeddingError) as error:
        typer.echo(f"semantic-router cache reembed: {error}", err=True)
        raise typer.Exit(2) from None
    except StoreUnavailable as error:
        typer.echo(f"semantic-router cache reembed: {error}. Run the same command again to continue", err=True)
        raise typer.Exit(1) from None
    if code:
        raise typer.Exit(code)


class _Command:
    """One run, with what it tells a person."""

    def __init__(
        self,
        loaded: LoadedConfig,
        milvus: MilvusConfig,
        embedding: EmbeddingConfig,
        sample: int,
        pairs: Pairs,
        console: Console,
    ) -> None:
        self._loaded = loaded
        self._milvus = milvus
        self._embedding = embedding
        self._sample = sample
        self._pairs = pairs
        self._console = console
        self.told: dict[str, Any] = {"source": None, "target": None, "comparison": None, "pairs": None, "dropped": []}

    async def run(self, *, dry_run: bool, min_recall: float, drop_old: bool) -> int:
        """Return the exit code."""
        from semantic_router_proxy.cache.reembed import Reembedding
        from semantic_router_proxy.embedding.factory import make_embedder

        embedder = await make_embedder(self._embedding)
        reembedding = Reembedding(self._milvus, embedder, await policy_epochs(self._loaded))
        try:
            source = await reembedding.source()
            if source is None:
                self._console.print(f"The collection in use is that of {embedder.identity}; nothing to re-embed.")
            else:
                self.told["source"] = {"collection": source.collection, "rows": source.rows, "model": source.embedder}
            if source is not None and not source.switched:
                self._console.print(f"{source.collection}: {source.rows} rows of {source.embedder}")
                self._console.print(f"New model: {embedder.identity}")
                if await self._compare(reembedding, source, embedder) < min_recall:
                    self._console.print(
                        f"The models agree on less than --min-recall {min_recall:g}; nothing was changed."
                    )
                    return _TOO_UNLIKE
            if dry_run:
                self._console.print("Dry run: nothing was changed.")
                return 0
            if source is not None:
                self._tell(source, await self._copy(reembedding, source), embedder)
            if drop_old:
                dropped = self.told["dropped"] = list(await reembedding.drop_old())
                self._console.print(f"Dropped: {', '.join(dropped) or 'nothing'}")
            return 0
        finally:
            await reembedding.close()
            await embedder.close()

    async def _compare(self, reembedding: "Reembedding", source: "Source", embedder: "Embedder") -> float:
        """Show how the models differ; return their recall@k, 1.0 where there is too little to compare."""
        from semantic_router_proxy.cache.reembed_quality import agreement, finding

        texts, old = await reembedding.sample(source, self._sample)
        new = await embedder.embed(texts) if texts else _none(embedder)
        threshold = self._loaded.router.semantic_cache.similarity_threshold
        agreed = agreement(old, new, threshold) if texts else None
        if agreed is None:
            self._console.print("Too few stored questions to compare the models on.")
        else:
            self.told["comparison"] = asdict(agreed)
            table = Table("On stored questions", "Old model", "New model", title=f"{agreed.texts} questions")
            table.add_row(f"recall@{agreed.k} (old neighbours found)", "1.000", f"{agreed.recall:.3f}")
            table.add_row(f"NDCG@{agreed.k}", "1.000", f"{agreed.ndcg:.3f}")
            table.add_row(f"pairs alike at {threshold:g}", str(agreed.old_pairs), str(agreed.new_pairs))
            self._console.print(table)
        if self._pairs:
            found = {"New model": finding(*await _embed_pairs(embedder, self._pairs), new)}
            old_embedder = await self._old_embedder(source)
            if old_embedder is not None:
                others = old if texts else _none(old_embedder)
                found["Old model"] = finding(*await _embed_pairs(old_embedder, self._pairs), others)
                await old_embedder.close()
            self.told["pairs"] = {name: asdict(each) for name, each in found.items()}
            self._console.print(_pairs_table(found))
        return 1.0 if agreed is None else agreed.recall

    async def _old_embedder(self, source: "Source") -> "Embedder | None":
        """Return the configured embedder where it is the old one."""
        from semantic_router_proxy.embedding.factory import make_embedder

        if self._loaded.router.embedding == self._embedding:
            return None
        embedder = await make_embedder(self._loaded.router.embedding)
        if str(embedder.identity) == source.embedder:
            return embedder
        await embedder.close()
        return None

    async def _copy(self, reembedding: "Reembedding", source: "Source") -> "Outcome":
        columns = (TextColumn("Re-embedding"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self._console) as progress:
            task = progress.add_task("rows", total=source.rows)
            outcome = await reembedding.copy(source, lambda done: progress.update(task, completed=done))
            progress.update(task, completed=source.rows)
        return outcome

    def _tell(self, source: "Source", outcome: "Outcome", embedder: "Embedder") -> None:
        name = self._milvus.collection.name
        self.told["target"] = {
            "collection": outcome.target, "model": str(embedder.identity), "copied": outcome.copied,
            "present": outcome.present, "unreachable": outcome.unreachable,
        }  # fmt: skip
        how = f"{outcome.copied} rows re-embedded"
        if outcome.resumed:
            how += f", {outcome.present} were there from an earlier run"
        self._console.print(f"{name} now leads to {outcome.target} ({embedder.identity}): {how}.")
        if outcome.unreachable:
            self._console.print(
                f"{outcome.unreachable} of them were stored under another configuration; only exact repeats find them."
            )
        self._console.print(
            "Next: give the routers the new embedding section and restart them. "
            f"{source.collection} stays until you run this command with --drop-old."
        )


def _new_embedding(current: EmbeddingConfig, to: str | None) -> EmbeddingConfig:
    """Return the embedding section that --to means. Raises ConfigError."""
    if to is None:
        return current
    if to.endswith((".yaml", ".yml")):
        return load_config(Path(to)).router.embedding
    if Path(to).is_dir():
        return current.model_copy(update={"model": Path(to).resolve().name, "path": to})
    if current.backend == "onnx" and to != DEFAULT_MODEL:
        message = f"is neither a folder nor {DEFAULT_MODEL}, the model that is installed"
        raise ConfigError([Problem(None, "--to", message, value=repr(to))])
    return current.model_copy(update={"model": to, "path": None})


def _read_pairs(file: Path | None) -> Pairs:
    """Read --pairs. Raises ConfigError naming the line."""
    pairs: Pairs = []
    try:
        lines: Sequence[bytes] = file.read_bytes().splitlines() if file is not None else ()
    except OSError as error:
        raise ConfigError([Problem(file, "", f"cannot be read: {error.strerror}")]) from None
    for number, line in enumerate(lines, 1):
        try:
            pair = orjson.loads(line)
            pairs.append((str(pair["question"]), str(pair["same"])))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            message = 'is not {"question": …, "same": …}'
            raise ConfigError([Problem(file, f"line {number}", message)]) from None
    return pairs


async def _embed_pairs(embedder: "Embedder", pairs: Pairs) -> "tuple[Vectors, Vectors]":
    return await embedder.embed([same for _, same in pairs]), await embedder.embed([asked for asked, _ in pairs])


def _none(embedder: "Embedder") -> "Vectors":
    """Return no vectors of a model, in their shape."""
    import numpy as np

    return np.empty((0, embedder.identity.dimension), dtype=np.float32)


def _pairs_table(found: "dict[str, Finding]") -> Table:
    models = [name for name in ("Old model", "New model") if name in found]
    first = found[models[0]]
    table = Table("On your pairs", *models, title=f"{first.pairs} pairs")
    rows = (
        ("recall@1", [found[name].recall_at_1 for name in models]),
        (f"recall@{first.k}", [found[name].recall_at_k for name in models]),
        (f"NDCG@{first.k}", [found[name].ndcg for name in models]),
    )
    for title, values in rows:
        table.add_row(title, *(f"{value:.3f}" for value in values))
    return table


async def policy_epochs(loaded: LoadedConfig) -> list[str]:
    """Return the policy epochs that a router with this configuration may have: with the provider that the environment
    names, with and without the models that a provider lists."""
    from semantic_router_proxy.server.engine import policy_epoch, with_environment_upstream, with_listed_models
    from semantic_router_proxy.upstream.client import UpstreamClient

    client = UpstreamClient()
    try:
        named = with_environment_upstream(loaded.router, os.environ)
        listed = await with_listed_models(named, loaded.file.parent, client)
    finally:
        await client.close()
    return [policy_epoch(each) for each in (named, listed)]
