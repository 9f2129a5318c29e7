"""`semantic-router cache export|import|warm`."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any
from urllib.parse import urlsplit

import orjson
import typer

from semantic_router_proxy.cache.archive import ArchiveError, ArchiveReader, ArchiveWriter
from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.cache.transfer import OTHER_POLICY, policy_of
from semantic_router_proxy.commands.cache_entries import Before, Decision, Model, Scope, selection_from
from semantic_router_proxy.commands.cache_output import Output, tell
from semantic_router_proxy.commands.cache_target import (
    CommandError,
    Config,
    NotReachedError,
    Place,
    Target,
    TokenFile,
    Url,
    finish,
    run,
    target_of,
)
from semantic_router_proxy.commands.patience import patiently

_API_KEY_VARIABLE = "SEMANTIC_ROUTER_API_KEY"


def export(
    file: Annotated[Path, typer.Argument(help="The archive to write.")],
    url: Url = None,
    config: Config = None,
    token_file: TokenFile = None,
    model: Model = None,
    scope: Scope = None,
    decision: Decision = None,
    before: Before = None,
    every_address: Annotated[
        bool,
        typer.Option(
            "--every-address", help="Ask all addresses of --url's host: the replicas behind a headless Service."
        ),
    ] = False,
    patience: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Begin again for so long while a router or the store cannot be reached."
        ),
    ] = 0,
    output: Output = "table",
) -> None:
    """Write answers with their questions and vectors into an archive; one that is not whole never gets its name.

    The archive holds questions and answers in the clear: it is readable by its owner only.
    """
    selection = selection_from(scope, model, decision, before)

    async def work() -> int:
        places = [Place(each, config, token_file) for each in (addresses_of(url) if every_address else [url])]
        with _written_whole(file) as writing:
            if len(places) == 1:
                async with target_of(places[0]) as target:
                    async for piece in target.export(selection):
                        writing.write(piece)
            else:
                await put_together(places, selection, writing)
            count = _count(writing)
        message = f"{count} answers are in {file}" + (f", from {len(places)} routers" if every_address else "")
        tell(message, {"entries": count, "file": str(file), "routers": len(places)}, output)
        return 0

    finish(patiently(work, patience))


def addresses_of(url: str | None) -> list[str]:
    """Return the URL once for each address of its host. Raises CommandError."""
    parts = urlsplit(url or "")
    try:
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except ValueError:
        raise CommandError("--every-address needs --url http://HOST:PORT") from None
    except OSError as error:
        raise NotReachedError(f"{parts.hostname} has no address: {error.strerror}") from None
    hosts = sorted({(str(address[0]), int(address[1])) for *_, address in found})
    return [f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}" for host, port in hosts]


async def put_together(places: list[Place], selection: Selection, writing: IO[bytes]) -> None:
    """Write one archive of several routers' entries. Raises CommandError, ArchiveError."""
    writer: ArchiveWriter | None = None
    seen: set[str] = set()
    for place in places:
        with tempfile.TemporaryFile() as part:
            async with target_of(place) as target:
                async for piece in target.export(selection):
                    part.write(piece)
            part.seek(0)
            reader = ArchiveReader(part)
            writer = writer or ArchiveWriter(reader.header)
            if not reader.header.has_vectors_of(writer.header):
                raise CommandError(f"{place.url} has another embedding model than {places[0].url}")
            for portion in reader.portions():
                for entry in portion:
                    if entry.header.entry_id not in seen:
                        seen.add(entry.header.entry_id)
                        writing.write(writer.add(entry))
    if writer is not None:
        writing.write(writer.finish())


@contextlib.contextmanager
def _written_whole(file: Path) -> Iterator[IO[bytes]]:
    """Give a file to write that gets its name only when the block has ended well; until then only its owner reads."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w+b") as writing:
            yield writing
            writing.flush()
            os.fsync(writing.fileno())
        Path(name).rename(file)
    finally:
        Path(name).unlink(missing_ok=True)


def _count(written: IO[bytes]) -> int:
    """Read an archive back, which fails where it is not whole."""
    written.seek(0)
    return sum(map(len, ArchiveReader(written).portions()))


def import_(
    file: Annotated[Path, typer.Argument(help="An archive that `export` wrote.")],
    url: Url = None,
    config: Config = None,
    token_file: TokenFile = None,
    skip: Annotated[int, typer.Option(min=0, help="Pass over so many entries, as a run that broke off says.")] = 0,
    output: Output = "table",
) -> None:
    """Put the answers of an archive into the cache, with their ids and times.

    Repeating an import changes nothing. Answers are found by a router whose providers, models, signals and decisions
    are those of the router that wrote the archive; where they differ, a warning says so.
    """

    async def work(target: Target) -> int:
        read = held = 0
        with file.open("rb") as archive:
            try:
                reader = ArchiveReader(archive)
                same_policy = policy_of(reader.header, await target.policies())
                if same_policy is False:
                    typer.echo(f"semantic-router cache: {file}: {OTHER_POLICY}", err=True)
                for portion in reader.portions():
                    wanted = portion[max(0, skip - read) :]
                    held += await target.restore(reader.header, wanted) if wanted else 0
                    read += len(portion)
            except ArchiveError as error:
                raise CommandError(f"{file}: {error}; {held} were put in") from None
            except (CommandError, StoreUnavailable) as error:
                raise CommandError(f"{error}. {read} entries are done: go on with --skip {max(read, skip)}") from None
        passed = min(skip, read)
        left_out = read - passed - held
        message = f"{held} answers were put in, {left_out} had expired or did not fit, {passed} skipped"
        tell(message, {"held": held, "left_out": left_out, "skipped": passed, "same_policy": same_policy}, output)
        return 0

    run(Place(url, config, token_file), work)


def verify(config: Config = None, output: Output = "table") -> None:
    """Write an entry into the store of --config, find it again and delete it; the collection is made if need be."""

    async def work(target: Target) -> int:
        seconds = await target.try_out()
        tell(f"an entry was written, and found again after {seconds:.2f} s", {"found_after_seconds": seconds}, output)
        return 0

    run(Place(None, config, None), work)


def warm(
    file: Annotated[Path, typer.Argument(help='JSON lines: {"question": …} or {"request": …}, and "response" or not.')],
    url: Url = None,
    token_file: TokenFile = None,
    api: Annotated[str, typer.Option(help="The router's API, which is asked where a line has no response.")] = (
        "http://127.0.0.1:8801"
    ),
    scope: Annotated[str, typer.Option(help="For whom given answers are kept.")] = "anonymous",
    output: Output = "table",
) -> None:
    """Fill a running router's cache: with answers that are given, or by asking what is not answered yet.

    "request" is a chat request, "response" a chat completion or the answer's text. Asking uses the API key in
    SEMANTIC_ROUTER_API_KEY, and its answers are that caller's.
    """

    async def work(target: Target) -> int:
        stored, asked, refused = 0, 0, 0
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            request, response = _warming(line, f"{file}, line {number}")
            if response is None:
                await _ask(api, request)
                asked += 1
                continue
            entry_id, reason = await target.warm(request, response, scope)
            stored += entry_id is not None
            if entry_id is None:
                refused += 1
                typer.echo(f"{file}, line {number}: not kept: {reason}", err=True)
        message = f"{stored} answers were put in, {asked} questions asked, {refused} refused"
        tell(message, {"held": stored, "asked": asked, "refused": refused}, output)
        return 1 if refused else 0

    run(Place(url, None, token_file), work)


def _warming(line: bytes, place: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return a line's request, and its answer where it has one. Raises CommandError."""
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict) or not {"question", "request"} & set(content):
        raise CommandError(f'{place}: a line is a JSON object with "question" or "request"')
    request = content.get("request")
    if request is None:
        request = {"model": "auto", "messages": [{"role": "user", "content": content["question"]}]}
    response = content.get("response")
    if isinstance(response, str):
        message = {"role": "assistant", "content": response}
        response = {
            "id": "chatcmpl-warmed",
            "object": "chat.completion",
            "created": 0,
            "model": str(request.get("model", "auto")) if isinstance(request, dict) else "auto",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    if not isinstance(request, dict) or not (response is None or isinstance(response, dict)):
        raise CommandError(f'{place}: "request" and "response" are JSON objects, "response" may be a text')
    return request, response


async def _ask(api: str, request: dict[str, Any]) -> None:
    import aiohttp

    key = os.environ.get(_API_KEY_VARIABLE, "")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    address = f"{api.rstrip('/')}/v1/chat/completions"
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(address, json={**request, "stream": False}) as answer,
        ):
            if answer.status != 200:
                raise CommandError(f"{address} said {answer.status}: {(await answer.text())[:300]}")
            await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CommandError(f"{address} does not answer: {error}") from None
