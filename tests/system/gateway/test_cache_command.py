"""`semantic-router cache` as a process, against a running router's admin port."""

import asyncio
import contextlib
import gzip
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.system.gateway.conftest import Running, Start, listening

from semantic_router_proxy.cache.archive import ArchiveReader, write_archive
from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.commands.cache_target import CommandError, Place
from semantic_router_proxy.commands.cache_transfer import addresses_of, put_together
from semantic_router_proxy.config.server import AdminConfig
from semantic_router_proxy.server.admin import make_admin_app

TOKEN = "secret-admin-token"
BIRDS = "Which birds can fly backwards?"
CHEESE = "How is a cheese with holes made in Switzerland?"
Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def router(start: Start) -> Running:
    return await start()


@pytest.fixture
async def admin_url(router: Running, tmp_path: Path) -> AsyncIterator[str]:
    (tmp_path / "admin-token").write_text(TOKEN)
    app = make_admin_app(router.health, AdminConfig(token_file="admin-token"), tmp_path)
    async with listening(app) as url:
        yield url


@pytest.fixture
def command(admin_url: str) -> Command:
    async def run(*arguments: str, token: str = TOKEN, url: str = "") -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "semantic_router_proxy.cli", "cache", *arguments, "--url", url or admin_url,
            env={**os.environ, "SEMANTIC_ROUTER_ADMIN_TOKEN": token, "COLUMNS": "200"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    return run


async def test_entries_are_listed_shown_and_deleted(router: Running, command: Command) -> None:
    await router.ask(BIRDS)
    await router.ask(CHEESE)
    await router.ask(CHEESE)
    code, out, _ = await command("stats", "-o", "json")
    assert code == 0
    told = json.loads(out)
    assert (told["backend"], told["total_entries"], told["hit_count"]) == ("memory", 2, 1)
    code, out, _ = await command("list")
    assert code == 0
    assert BIRDS in out
    _, out, _ = await command("list", "-o", "json", "--limit", "1")
    first = json.loads(out)
    assert first["more"] is True
    (entry,) = first["entries"]
    assert entry["question"] == BIRDS
    _, out, _ = await command("get", entry["entry_id"])
    assert json.loads(json.loads(out)["response"])["object"] == "chat.completion"
    assert (await command("delete", entry["entry_id"]))[0] == 0
    code, _, err = await command("delete", entry["entry_id"])
    assert (code, "there is no entry" in err) == (1, True)
    assert (await command("get", "../state"))[0] == 2


async def test_what_is_invalidated_must_be_said(router: Running, command: Command) -> None:
    await router.ask(BIRDS)
    assert (await command("invalidate"))[0] == 2
    for selector in (("--model", "large"), ("--decision", "zoo"), ("--before", "2020-01-01")):
        assert (await command("invalidate", *selector))[1] == "0 answers were deleted\n"
    assert (await command("invalidate", "--model", "small"))[1] == "1 answers were deleted\n"
    _, headers, _ = await router.ask(BIRDS)
    assert headers["x-vsr-cache"] == "miss"


async def test_an_archive_restores_what_was_deleted(router: Running, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "cache.gz"
    _, _, before = await router.ask(BIRDS)
    code, out, err = await command("export", str(file))
    assert (code, out.startswith("1 answers")) == (0, True), err
    assert file.stat().st_mode & 0o077 == 0
    await command("invalidate", "--all")
    assert (await command("import", str(file)))[1].startswith("1 answers were put in")
    _, headers, after = await router.ask(BIRDS)
    assert (headers["x-vsr-cache"], after) == ("hit", before)
    assert router.standin.record.requests == 1
    assert "1 skipped" in (await command("import", str(file), "--skip", "1"))[1]


async def test_the_answers_of_all_replicas_make_one_archive(start: Start, tmp_path: Path) -> None:
    (tmp_path / "admin-token").write_text(TOKEN)
    config, written = AdminConfig(token_file="admin-token"), io.BytesIO()
    async with contextlib.AsyncExitStack() as stack:
        places = []
        for question in (BIRDS, CHEESE):
            replica = await start()
            await replica.ask(question)
            url = await stack.enter_async_context(listening(make_admin_app(replica.health, config, tmp_path)))
            places.append(Place(url, None, tmp_path / "admin-token"))
        # One of them twice: an entry that both have is in the archive once.
        await put_together([*places, places[0]], Selection(), written)
    written.seek(0)
    found = [entry.header.query for portion in ArchiveReader(written).portions() for entry in portion]
    assert sorted(found) == sorted([BIRDS, CHEESE])
    assert addresses_of("http://127.0.0.1:8080") == ["http://127.0.0.1:8080"]
    for wrong in (None, "https://localhost:1", "127.0.0.1:1"):
        with pytest.raises(CommandError, match="--every-address needs"):
            addresses_of(wrong)


async def test_a_damaged_archive_is_refused_with_the_place(router: Running, command: Command, tmp_path: Path) -> None:
    await router.ask(BIRDS)
    file = tmp_path / "cache.gz"
    await command("export", str(file))
    lines = gzip.decompress(file.read_bytes())
    for damaged, said in ((file.read_bytes()[:-40], "ends too early"), (lines.replace(b"birds", b"fishs"), "altered")):
        file.write_bytes(damaged)
        code, _, err = await command("import", str(file))
        assert code == 1
        assert said in err
        assert "line " in err
        assert "Traceback" not in err
    other = lines.replace(b"words@1", b"other@2")
    file.write_bytes(other)
    code, _, err = await command("import", str(file))
    assert (code, "altered" in err) == (1, True)


async def test_an_archive_of_another_policy_or_model_is_told(router: Running, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "cache.gz"
    await router.ask(BIRDS)
    code, out, _ = await command("export", str(file), "-o", "json")
    assert (code, json.loads(out)["entries"]) == (0, 1)
    reader = ArchiveReader(io.BytesIO(file.read_bytes()))
    entries = [entry for portion in reader.portions() for entry in portion]
    assert reader.header.policy == router.gateway.engine.policy_epoch
    for header, same, warned in (
        (reader.header, True, False),
        (replace(reader.header, policy="0" * 64), False, True),
        (replace(reader.header, policy=""), None, False),
    ):
        file.write_bytes(b"".join(write_archive(header, entries)))
        code, out, err = await command("import", str(file), "-o", "json")
        told = json.loads(out)
        assert (code, told["held"], told["same_policy"]) == (0, 1, same)
        assert ("other providers, models, signals or decisions" in err) == warned
    file.write_bytes(b"".join(write_archive(replace(reader.header, embedder="other@1/256"), entries)))
    code, _, err = await command("import", str(file))
    assert (code, "other@1/256" in err, "reembed" in err) == (1, True, True)


async def test_programs_get_json(router: Running, command: Command, tmp_path: Path) -> None:
    await router.ask(BIRDS)
    (entry,) = json.loads((await command("list", "-o", "json"))[1])["entries"]
    entry_id = entry["entry_id"]
    assert json.loads((await command("get", entry_id, "-o", "json"))[1])["question"] == BIRDS
    assert BIRDS in (await command("get", entry_id, "-o", "table"))[1]
    assert json.loads((await command("delete", entry_id, "-o", "json"))[1]) == {"deleted": entry_id}
    assert json.loads((await command("invalidate", "--all", "-o", "json"))[1]) == {"invalidated": 0}
    file = tmp_path / "warm.jsonl"
    file.write_text(json.dumps({"question": BIRDS, "response": "Hummingbirds."}))
    told = json.loads((await command("warm", str(file), "--api", router.url, "-o", "json"))[1])
    assert told == {"held": 1, "asked": 0, "refused": 0}


async def test_warming_puts_answers_in_and_asks_the_rest(router: Running, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "warm.jsonl"
    lines = [{"question": BIRDS, "response": "Hummingbirds."}, {"question": CHEESE}]
    file.write_text("\n".join(map(json.dumps, lines)))
    code, out, err = await command("warm", str(file), "--api", router.url)
    assert (code, out) == (0, "1 answers were put in, 1 questions asked, 0 refused\n"), err
    assert router.standin.record.requests == 1
    _, headers, body = await router.ask(BIRDS)
    assert (headers["x-vsr-cache"], body["choices"][0]["message"]["content"]) == ("hit", "Hummingbirds.")
    _, headers, _ = await router.ask(CHEESE)
    assert headers["x-vsr-cache"] == "hit"
    file.write_text('{"question": "What is this?"}\nnot json')
    code, _, err = await command("warm", str(file), "--api", router.url)
    assert (code, "line 2" in err) == (1, True)


async def test_failures_are_told_in_words(command: Command, tmp_path: Path) -> None:
    for arguments in (("stats",), ("export", str(tmp_path / "cache.gz")), ("invalidate", "--all")):
        code, _, err = await command(*arguments, token="wrong")
        assert code == 1
        assert "401" in err
        assert "--token-file" in err
    assert not _archives(tmp_path)
    code, _, err = await command("stats", url="http://127.0.0.1:9")
    assert (code, "does not answer" in err) == (1, True)


async def test_the_api_refuses_what_is_no_archive(router: Running, admin_url: str) -> None:
    held = {"authorization": f"Bearer {TOKEN}"}
    address = f"{admin_url}/api/cache/import"
    async with router.session.post(address, data=b"x", headers=held) as response:
        assert response.status == 415
    gzipped = {**held, "content-type": "application/gzip"}
    async with router.session.post(address, data=b"x", headers=gzipped) as response:
        assert response.status == 400
        assert "no JSON object" in await response.text() or "too early" in await response.text()
    async with router.session.post(address, data=b"x" * (17 << 20), headers=gzipped) as response:
        assert response.status == 413
        assert "semantic-router cache import FILE --url" in await response.text()
    async with router.session.get(f"{admin_url}/api/cache/entries?cursor=x", headers=held) as response:
        assert response.status == 400
    async with router.session.get(f"{admin_url}/api/cache/export?modle=x", headers=held) as response:
        assert response.status == 400


def _archives(folder: Path) -> list[Path]:
    return list(folder.glob("*cache.gz*"))
