"""The router as a process: exit codes, readiness, drain."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

CLI = (sys.executable, "-m", "semantic_router_proxy.cli")


async def run(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *CLI, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def write(folder: Path, **settings: Any) -> Path:
    basic = {
        "server": {"port": 0},
        "admin": {"port": 0},
        "metrics": {"port": 0},
        "semantic_cache": {"enabled": False},
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({**basic, **settings}))
    return file


@pytest.fixture
async def standin() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "semantic_router_proxy.standin", "--first-token", "0.05", "--tokens-per-second", "20",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    yield (await process.stdout.readline()).decode().strip()
    process.terminate()
    await process.wait()


@pytest.mark.parametrize("command", [("check-config",), ("serve", "--config")])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("semantic_cache: {ttl_seconds: -1}", ["config.yaml", "semantic_cache.ttl_seconds", "-1"]),
        ("semantic_cache: {backend_typ: memory}", ["semantic_cache.backend_typ", "Did you mean backend_type?"]),
        ("semantic_cache: {backend_type: redis}", ["semantic_cache.backend_type", "'memory'", "'redis'"]),
        ("semantic_cache: {backend_type: hybrid}", ["backend_config_path"]),
        ("server: [", ["is not YAML", "line 1"]),
        ("a: 1\na: 2", ["twice"]),
        ("providers: [{name: p, base_url: 'ftp://x'}]", ["providers[0].base_url", "http"]),
        ("default_model: x", ["default_model", "'x'"]),
        ("providers: [{name: p, base_url: 'http://u:${NONE:-pw}@x/v1'}]", ["base_url", "api_key_env", "//…@x"]),
        ("access: {requests_per_minute: 0}", ["access.requests_per_minute", "greater than or equal to 1"]),
    ],
)
async def test_a_bad_configuration_stops_with_code_2_and_words(
    tmp_path: Path, command: tuple[str, ...], text: str, words: list[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    code, output = await run(*command, str(file))
    assert code == 2
    assert "Traceback" not in output
    for word in words:
        assert word in output


async def test_a_good_configuration_is_told_with_its_warnings(tmp_path: Path) -> None:
    code, output = await run("check-config", str(write(tmp_path, semantic_cache={"local_cache_size": 5})))
    assert code == 0
    assert "warning" in output
    assert "local_cache_size" in output
    assert "is good" in output


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    code, output = await run("serve", "--config", str(write(tmp_path)), "--port", str(port))
    server.close()
    assert code == 1
    assert f"127.0.0.1:{port}" in output
    assert "Traceback" not in output


async def test_sigterm_lets_a_running_stream_finish(tmp_path: Path, standin: str) -> None:
    file = write(
        tmp_path,
        providers=[{"name": "p", "base_url": f"{standin}/v1"}],
        models=[{"name": "m", "provider": "p"}],
    )
    router = await asyncio.create_subprocess_exec(*CLI, "serve", "--config", str(file), stderr=asyncio.subprocess.PIPE)
    assert router.stderr is not None
    listening = orjson.loads(await router.stderr.readline())
    ready = orjson.loads(await router.stderr.readline())
    assert ready["event"] == "ready"
    body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "Tell me about tides."}]}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{listening['admin']}/readyz") as answer:
            assert (await answer.json())["status"] == "ready"
        async with session.get(f"{listening['metrics']}/metrics") as answer:
            assert "semantic_router_requests_running" in await answer.text()
        async with session.post(f"{listening['api']}/v1/chat/completions", json=body) as answer:
            first = await answer.content.readany()
            router.send_signal(signal.SIGTERM)
            rest = await answer.read()
    assert b"[DONE]" not in first
    assert rest.endswith(b"data: [DONE]\n\n")
    log = (await router.stderr.read()).decode()
    assert await router.wait() == 0
    assert "Traceback" not in log


async def test_who_comes_while_it_drains_is_answered_and_sent_away(tmp_path: Path, standin: str) -> None:
    file = write(
        tmp_path,
        providers=[{"name": "p", "base_url": f"{standin}/v1"}],
        models=[{"name": "m", "provider": "p"}],
        server={"drain_delay_seconds": 3},
    )
    router = await asyncio.create_subprocess_exec(*CLI, "serve", "--config", str(file), stderr=asyncio.subprocess.PIPE)
    assert router.stderr is not None
    listening = orjson.loads(await router.stderr.readline())
    assert orjson.loads(await router.stderr.readline())["event"] == "ready"
    body = {"model": "auto", "messages": [{"role": "user", "content": "Tell me about tides."}], "max_tokens": 1}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{listening['api']}/v1/chat/completions", json=body) as answer:
            assert answer.status == 200
            assert "connection" not in answer.headers
        router.send_signal(signal.SIGTERM)
        while orjson.loads(await router.stderr.readline())["event"] != "draining":
            pass
        # One connection is kept from before, the other is new: both may ask once more.
        for _ in range(2):
            async with session.post(f"{listening['api']}/v1/chat/completions", json=body) as answer:
                assert (answer.status, answer.headers["connection"]) == (200, "close")
    await router.stderr.read()
    assert await router.wait() == 0


async def test_a_changed_file_is_in_force_without_a_restart(tmp_path: Path, standin: str) -> None:
    basic = {
        "providers": [{"name": "p", "base_url": f"{standin}/v1"}],
        "models": [{"name": "m", "provider": "p"}, {"name": "n", "provider": "p"}],
    }
    file = write(tmp_path, **basic, config_epoch="one")
    router = await asyncio.create_subprocess_exec(*CLI, "serve", "--config", str(file), stderr=asyncio.subprocess.PIPE)
    assert router.stderr is not None
    listening = orjson.loads(await router.stderr.readline())
    assert orjson.loads(await router.stderr.readline())["epoch"] == "one"
    write(tmp_path, **basic, config_epoch="two", default_model="n")
    assert orjson.loads(await router.stderr.readline())["event"] == "config_reloaded"
    async with aiohttp.ClientSession() as session, session.get(f"{listening['api']}/readyz") as answer:
        assert (await answer.json())["config_epoch"] == "two"
    router.terminate()
    await router.stderr.read()
    assert await router.wait() == 0


async def test_the_environment_may_name_the_upstream(tmp_path: Path, standin: str) -> None:
    """Without providers in the file, SEMANTIC_ROUTER_UPSTREAM names one; its models are those that it lists."""
    environment = {**os.environ, "SEMANTIC_ROUTER_UPSTREAM": standin, "SEMANTIC_ROUTER_UPSTREAM_KEY": "sk-from-there"}
    router = await asyncio.create_subprocess_exec(
        *CLI, "serve", "--config", str(write(tmp_path)), stderr=asyncio.subprocess.PIPE, env=environment
    )
    assert router.stderr is not None
    listening = orjson.loads(await router.stderr.readline())
    assert orjson.loads(await router.stderr.readline())["event"] == "ready"
    body = {"model": "auto", "messages": [{"role": "user", "content": "Tell me about tides."}], "max_tokens": 1}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{listening['api']}/v1/models") as answer:
            names = [model["id"] for model in (await answer.json())["data"]]
        async with session.post(f"{listening['api']}/v1/chat/completions", json=body) as answer:
            assert answer.status == 200
        async with session.get(f"{standin}/standin") as answer:
            seen = await answer.json()
    router.terminate()
    await router.stderr.read()
    assert await router.wait() == 0
    assert names == ["auto", "standin-small", "standin-large"]
    assert seen["last_headers"]["authorization"] == "Bearer sk-from-there"
