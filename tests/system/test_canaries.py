"""Secrets planted everywhere a router process meets them must be seen nowhere it speaks: logs, metrics, errors."""

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

CHAT = "/v1/chat/completions"
CANARIES = {
    name: f"canary-{name}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    for name in ("provider-file", "provider-env", "admin", "caller", "wrong", "cookie", "header", "question", "user")
}


def seen_in(text: str) -> list[str]:
    return [name for name, canary in CANARIES.items() if canary in text]


def write_config(folder: Path, standin: str) -> Path:
    (folder / "provider.key").write_text(CANARIES["provider-file"])
    (folder / "admin.token").write_text(CANARIES["admin"])
    digest = hashlib.sha256(CANARIES["caller"].encode()).hexdigest()
    (folder / "keys.yaml").write_text(yaml.safe_dump({"keys": [{"name": "someone", "sha256": digest}]}))
    config = {
        "server": {"port": 0},
        "admin": {"port": 0, "token_file": "admin.token"},
        "metrics": {"port": 0},
        "log": {"level": "debug"},
        "access": {"keys_file": "keys.yaml"},
        "semantic_cache": {"backend_type": "memory"},
        "providers": [
            {"name": "a", "base_url": f"{standin}/v1", "api_key_file": "provider.key", "retries": 0},
            {"name": "b", "base_url": f"{standin}/v1", "api_key_env": "CANARY_KEY", "retries": 0},
            {"name": "dead", "base_url": "http://127.0.0.1:1/v1", "api_key_env": "CANARY_KEY", "retries": 0},
        ],
        "models": [
            {"name": "good", "provider": "a"},
            {"name": "refused", "provider": "b", "upstream_name": "x-status-401"},
            {"name": "broken", "provider": "b", "upstream_name": "x-status-500"},
            {"name": "garbage", "provider": "b", "upstream_name": "x-garbage"},
            {"name": "cut", "provider": "a", "upstream_name": "x-cut"},
            {"name": "dead", "provider": "dead"},
        ],
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.mark.parametrize("form", ["json", "console"])
async def test_secrets_are_in_no_log_no_metric_and_no_error(tmp_path: Path, form: str) -> None:
    model = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "semantic_router_proxy.standin", "--first-token", "0", stdout=asyncio.subprocess.PIPE
    )
    assert model.stdout is not None
    file = write_config(tmp_path, (await model.stdout.readline()).decode().strip())
    file.write_text(file.read_text().replace("level: debug", f"level: debug\n  format: {form}"))
    log = tmp_path / "router.log"
    with log.open("wb") as output:
        router = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "semantic_router_proxy.cli", "serve", "--config", str(file),
            stderr=output, stdout=output, env={"CANARY_KEY": CANARIES["provider-env"], "PATH": ""},
        )  # fmt: skip
    try:
        urls = await addresses(log, router)
        errors = await misbehave(urls)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{urls['metrics']}/metrics") as response:
                metrics = await response.text()
            async with session.get(f"{urls['admin']}/api/state") as response:
                refused = (response.status, await response.text())
            held = {"authorization": f"Bearer {CANARIES['admin']}"}
            async with session.get(f"{urls['admin']}/api/state", headers=held) as response:
                state = await response.text()
        # A configuration that is refused while it runs, with a secret where none belongs.
        file.write_text(file.read_text() + f"\nurl: http://u:{CANARIES['header']}@x\n")
        async with asyncio.timeout(20):
            while "config_refused" not in log.read_text():
                await asyncio.sleep(0.05)
    finally:
        for process in (router, model):
            process.terminate()
            await process.wait()
    assert len(errors) >= 8
    assert all(seen_in(error) == [] for error in errors)
    assert seen_in(metrics) == []
    assert refused[0] == 401
    assert seen_in(refused[1]) == []
    assert set(seen_in(state)) <= {"question"}, "questions are shown to the admin token's holder only"
    text = log.read_text()
    assert text.count("request") > 8, "there was something to leak"
    assert seen_in(text) == []


async def addresses(log: Path, router: asyncio.subprocess.Process) -> dict[str, str]:
    """Return the router's addresses as its log tells them, once it is ready."""
    async with asyncio.timeout(60):
        while "ready" not in (text := log.read_text()):  # noqa: ASYNC240 - a few lines
            assert router.returncode is None, text
            await asyncio.sleep(0.05)
    if text.startswith("{"):
        told: dict[str, str] = orjson.loads(text.splitlines()[0])
        return told
    words = text.splitlines()[0].split()
    return dict(word.split("=", 1) for word in words if "=http" in word)


async def misbehave(urls: dict[str, str]) -> list[str]:
    """Send requests that fail in every way; return what the router answered, headers and all."""
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": f"What is {CANARIES['question']} good for?"}],
        "user": CANARIES["user"],
    }
    headers = {
        "authorization": f"Bearer {CANARIES['caller']}",
        "cookie": f"session={CANARIES['cookie']}",
        "x-secret": CANARIES["header"],
        "x-request-id": f"bad id {CANARIES['header']}",
    }
    answers = []
    async with aiohttp.ClientSession(urls["api"]) as session:
        for model in ("refused", "broken", "garbage", "dead", "unknown"):
            async with session.post(CHAT, json={**body, "model": model}, headers=headers) as response:
                assert response.status >= 400
                answers.append(f"{response.headers} {await response.text()}")
        async with session.post(CHAT, json={**body, "model": "cut", "stream": True}, headers=headers) as response:
            answers.append(f"{response.headers} {(await response.text()).rsplit('data: ', 1)[-1]}")
        wrong = {**headers, "authorization": f"Bearer {CANARIES['wrong']}"}
        async with session.post(CHAT, json=body, headers=wrong) as response:
            answers.append(f"{response.headers} {await response.text()}")
        async with session.post(CHAT, data=f'{{"{CANARIES["question"]}', headers=headers) as response:
            answers.append(f"{response.headers} {await response.text()}")
        async with session.post(CHAT, json={**body, "model": "good"}, headers=headers) as response:
            assert response.status == 200
    return answers
