"""Where a cache command works: on a running router by its admin API, or on the store itself."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from semantic_router_proxy.cache.archive import ArchiveHeader, write_archive
from semantic_router_proxy.cache.backend import CacheBackend
from semantic_router_proxy.cache.entry import CacheEntry, CacheHit, EntryHeader, Selection
from semantic_router_proxy.cache.store import EntryStore
from semantic_router_proxy.commands.problems import report
from semantic_router_proxy.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from semantic_router_proxy.config.load import LoadedConfig

TOKEN_VARIABLE = "SEMANTIC_ROUTER_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
_ROUTER = "http://127.0.0.1:8080"
_SECONDS = 60

Url = Annotated[str | None, typer.Option("--url", help=f"A router's admin port; {_ROUTER} without --url and --config.")]
Config = Annotated[Path | None, typer.Option("--config", help="The configuration whose store is opened.")]
TokenFile = Annotated[Path | None, typer.Option("--token-file", help=f"The admin token; else ${TOKEN_VARIABLE}.")]


class CommandError(Exception):
    """A command that failed; the message is for a person."""


class NotReachedError(CommandError):
    """A router cannot be reached, or gives no answer in time."""


class Target(Protocol):
    """What the commands need of a cache. Every method may raise CommandError."""

    async def stats(self) -> dict[str, Any]: ...

    async def entries(self, selection: Selection, cursor: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Return entries as the admin API shows them, and the cursor of the next page."""
        ...

    async def entry(self, entry_id: str) -> dict[str, Any] | None: ...

    async def delete(self, entry_id: str) -> bool: ...

    async def invalidate(self, selection: Selection) -> int: ...

    def export(self, selection: Selection) -> AsyncIterator[bytes]: ...

    async def policies(self) -> tuple[str, ...]:
        """Return the policy epochs that the routers of this cache may have."""
        ...

    async def restore(self, header: ArchiveHeader, entries: list[CacheEntry]) -> int: ...

    async def warm(self, asked: dict[str, Any], answer: dict[str, Any], scope: str) -> tuple[str | None, str]: ...

    async def try_out(self) -> float:
        """Write an entry and find it again; return the seconds that took."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """The options that name a cache."""

    url: str | None
    config: Path | None
    token_file: Path | None


def run(place: Place, work: Callable[[Target], Awaitable[int]]) -> None:
    """Do the work on the target and exit with its code; failures are told in words."""

    async def on_target() -> int:
        async with target_of(place) as target:
            return await work(target)

    finish(on_target())


def finish(work: Coroutine[Any, Any, int]) -> None:
    """Do the work and exit with its code; failures are told in words."""
    from semantic_router_proxy.cache.archive import ArchiveError
    from semantic_router_proxy.cache.store import StoreMismatch, StoreUnavailable
    from semantic_router_proxy.embedding.base import EmbeddingError

    try:
        code = asyncio.run(work)
    except ConfigError as error:
        raise typer.Exit(report(error)) from None
    except (StoreMismatch, EmbeddingError) as error:
        raise fail(str(error), 2) from None
    except (CommandError, ArchiveError, StoreUnavailable, OSError) as error:
        raise fail(str(error) or type(error).__name__, 1) from None
    if code:
        raise typer.Exit(code)


def fail(message: str, code: int) -> typer.Exit:
    typer.echo(f"semantic-router cache: {message}", err=True)
    return typer.Exit(code)


@contextlib.asynccontextmanager
async def target_of(place: Place) -> AsyncIterator[Target]:
    """Open the cache that the options name. Raises CommandError, ConfigError, StoreUnavailable and StoreMismatch."""
    if place.config is not None and place.url is not None:
        raise CommandError("give --url or --config, not both")
    if place.config is not None:
        async with _open_store(place.config) as opened:
            yield opened
        return
    import aiohttp

    url = (place.url or _ROUTER).rstrip("/")
    if place.token_file is not None:
        token = place.token_file.read_text(encoding="utf-8").strip()
    else:
        token = os.environ.get(TOKEN_VARIABLE, "")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(sock_connect=10, sock_read=_SECONDS)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        yield RouterTarget(session, url)


@contextlib.asynccontextmanager
async def _open_store(file: Path) -> AsyncIterator[Target]:
    from prometheus_client import CollectorRegistry

    from semantic_router_proxy.cache.hybrid import HybridBackend
    from semantic_router_proxy.cache.metrics import CacheMetrics
    from semantic_router_proxy.cache.milvus.store import MilvusStore
    from semantic_router_proxy.config.load import load_config
    from semantic_router_proxy.embedding.factory import make_embedder

    loaded = load_config(file)
    config = loaded.router.semantic_cache
    if loaded.milvus is None:
        problem = Problem(file, "semantic_cache.backend_type", "has no store; ask the router by --url", value="memory")
        raise ConfigError([problem])
    # A command must not do what development settings do at a router's start.
    milvus = loaded.milvus.model_copy(
        update={"development": loaded.milvus.development.model_copy(update={"drop_collection_on_startup": False})}
    )
    embedder = await make_embedder(loaded.router.embedding)
    store = MilvusStore(milvus, embedder.identity)
    metrics = CacheMetrics("milvus", CollectorRegistry())
    # Not started: it follows nothing and sweeps nothing.
    backend = HybridBackend("milvus", config, embedder, store, metrics)
    try:
        await store.open()
        identity = embedder.identity
        yield StoreTarget(backend, ArchiveHeader(str(identity), identity.dimension), store, loaded)
    finally:
        await backend.close()
        await embedder.close()


class StoreTarget:
    """The store, without a router."""

    def __init__(self, backend: CacheBackend, header: ArchiveHeader, store: EntryStore, loaded: "LoadedConfig") -> None:
        self._loaded = loaded
        self._backend = backend
        self._header = header
        self._store = store

    async def stats(self) -> dict[str, Any]:
        return {"backend": "milvus", "stored_rows": await self._store.count(), "embedder": self._header.embedder}

    async def entries(self, selection: Selection, cursor: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        page = await self._backend.read_entries(cursor, limit)
        return [_shown(entry.header) for entry in page.entries if selection.matches(entry.header)], page.cursor

    async def entry(self, entry_id: str) -> dict[str, Any] | None:
        hit: CacheHit | None = await self._backend.get(entry_id)
        return None if hit is None else {**_shown(hit.header), "response": hit.response.decode(errors="replace")}

    async def delete(self, entry_id: str) -> bool:
        return await self._backend.delete(entry_id)

    async def invalidate(self, selection: Selection) -> int:
        return await self._backend.invalidate(selection)

    def export(self, selection: Selection) -> AsyncIterator[bytes]:
        from semantic_router_proxy.cache.transfer import export_entries

        return export_entries(self._backend, self._header, selection)

    async def policies(self) -> tuple[str, ...]:
        from semantic_router_proxy.commands.reembed import policy_epochs

        return tuple(await policy_epochs(self._loaded))

    async def restore(self, header: ArchiveHeader, entries: list[CacheEntry]) -> int:
        from semantic_router_proxy.cache.transfer import check_origin

        check_origin(header, self._header)
        return await self._backend.restore(entries)

    async def warm(self, asked: dict[str, Any], answer: dict[str, Any], scope: str) -> tuple[str | None, str]:
        del asked, answer, scope
        raise CommandError("warming needs a running router, which decides where an answer belongs: give --url")

    async def try_out(self) -> float:
        from semantic_router_proxy.cache.trial import try_out

        return await try_out(self._store, self._header.dimension)


class RouterTarget:
    """A running router."""

    def __init__(self, session: Any, url: str) -> None:
        self._session = session
        self._url = url

    async def stats(self) -> dict[str, Any]:
        return await self._json("GET", "stats")

    async def entries(self, selection: Selection, cursor: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        params = _params(selection) | ({"cursor": cursor} if cursor else {}) | {"limit": str(limit)}
        told = await self._json("GET", "entries", params=params)
        return told["entries"], told["cursor"]

    async def entry(self, entry_id: str) -> dict[str, Any] | None:
        return await self._json("GET", f"entries/{entry_id}", missing_is_none=True) or None

    async def delete(self, entry_id: str) -> bool:
        return bool(await self._json("DELETE", f"entries/{entry_id}", missing_is_none=True))

    async def invalidate(self, selection: Selection) -> int:
        body: dict[str, Any] = {key: value for key, value in asdict(selection).items() if value is not None}
        return int((await self._json("POST", "invalidate", json=body))["invalidated"])

    async def export(self, selection: Selection) -> AsyncIterator[bytes]:
        async with self._sent("GET", "export", params=_params(selection)) as response:
            async for piece in response.content.iter_chunked(1 << 16):
                yield piece

    async def policies(self) -> tuple[str, ...]:
        policy = (await self.stats()).get("policy_epoch")
        return (policy,) if policy else ()

    async def restore(self, header: ArchiveHeader, entries: list[CacheEntry]) -> int:
        part = b"".join(write_archive(header, entries))
        told = await self._json("POST", "import", data=part, headers={"content-type": "application/gzip"})
        return int(told["held"])

    async def warm(self, asked: dict[str, Any], answer: dict[str, Any], scope: str) -> tuple[str | None, str]:
        told = await self._json("POST", "warm", json={"request": asked, "response": answer, "scope": scope})
        return told["entry_id"], told["reason"]

    async def try_out(self) -> float:
        raise CommandError("a trial needs the store itself: give --config")

    async def _json(self, method: str, path: str, *, missing_is_none: bool = False, **more: Any) -> dict[str, Any]:
        async with self._sent(method, path, missing=missing_is_none, **more) as response:
            told: dict[str, Any] = {} if response.status == 404 else await response.json()
            return told

    @contextlib.asynccontextmanager
    async def _sent(self, method: str, path: str, *, missing: bool = False, **more: Any) -> AsyncIterator[Any]:
        import aiohttp

        try:
            async with self._session.request(method, f"{self._url}/api/cache/{path}", **more) as response:
                if response.status >= 400 and not (missing and response.status == 404):
                    raise CommandError(await _reason(response, self._url))
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotReachedError(f"{self._url} does not answer: {error or 'it took too long'}") from None


async def _reason(response: Any, url: str) -> str:
    import aiohttp

    try:
        message = str((await response.json())["error"]["message"])
    except (aiohttp.ClientError, ValueError, KeyError, TypeError):
        message = f"is {url} a router's admin port?"
    if response.status in (401, 403):
        message += f" (here: --token-file or ${TOKEN_VARIABLE})"
    return f"the router said {response.status}: {message}"


def _params(selection: Selection) -> dict[str, str]:
    return {key: str(value) for key, value in asdict(selection).items() if value is not None}


def _shown(header: EntryHeader) -> dict[str, Any]:
    shown = asdict(header)
    return {"entry_id": shown.pop("entry_id"), "question": shown.pop("query"), **shown}
