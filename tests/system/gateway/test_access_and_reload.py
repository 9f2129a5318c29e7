"""API keys, and configurations that change while the router runs. Planted canaries must stay unseen."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import yaml
from tests.system.gateway.conftest import Running, Start

from semantic_router_proxy.config.load import load_config
from semantic_router_proxy.config.problems import ConfigError
from semantic_router_proxy.server import reload
from semantic_router_proxy.server.access import read_access
from semantic_router_proxy.server.limits import Limits
from semantic_router_proxy.server.reload import Reloader

CHAT = "/v1/chat/completions"
CANARY = "sk-canary-93ab41"
QUESTION = "Which metals are liquid at room temperature?"
BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": QUESTION}]}


def keys(*names: str) -> str:
    return yaml.safe_dump(
        {"keys": [{"name": n, "sha256": hashlib.sha256(f"{CANARY}-{n}".encode()).hexdigest()} for n in names]}
    )


def change(file: Path, text: str) -> None:
    """Swap a file as a ConfigMap's volume does: a symlink to another folder takes its place in one step."""
    target = file.parent / f"..data-{hashlib.sha256(text.encode()).hexdigest()[:8]}-{file.name}"
    target.write_text(text)
    link = file.parent / f"..link-{file.name}"
    link.symlink_to(target)
    link.replace(file)


def config_of(router: Running) -> tuple[Path, dict[str, Any]]:
    file = router.gateway.engine.file
    return file, yaml.safe_load(file.read_text())


async def test_with_keys_only_their_holders_may_ask(start: Start, tmp_path: Path) -> None:
    (tmp_path / "keys.yaml").write_text(keys("alice", "bob"))
    router = await start(access={"keys_file": "keys.yaml"})
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic x"}):
        status, answer, body = await router.post(CHAT, BODY, **headers)
        assert status == 401
        assert answer["www-authenticate"] == "Bearer"
        assert body["error"]["type"] == "authentication_error"
    status, _, _ = await router.post(CHAT, BODY, authorization=f"Bearer {CANARY}-alice")
    assert status == 200
    assert not any(CANARY in value for value in router.standin.record.last_headers.values())
    _, answer, _ = await router.post(CHAT, BODY, authorization=f"Bearer {CANARY}-bob")
    assert answer["x-vsr-cache"] == "miss", "bob must not see alice's answers"
    async with router.session.get(f"{router.url}/v1/models") as response:
        assert response.status == 401
    async with router.session.get(
        f"{router.url}/v1/models", headers={"authorization": f"Bearer {CANARY}-bob"}
    ) as response:
        assert response.status == 200
    status, _, _ = await router.post("/v1/messages/count_tokens", BODY)
    assert status == 401
    status, _, _ = await router.post(CHAT, {**BODY, "model": "test"}, authorization=f"Bearer {CANARY}-bob")
    assert status == 404


async def test_without_keys_a_credential_goes_on_to_a_provider_without_its_own(start: Start) -> None:
    router = await start()
    await router.post(CHAT, BODY, authorization=f"Bearer {CANARY}")
    assert router.standin.record.last_headers["authorization"] == f"Bearer {CANARY}"


async def test_a_providers_own_key_replaces_the_callers(start: Start, tmp_path: Path) -> None:
    (tmp_path / "provider.key").write_text("first\n")
    router = await start(
        providers=lambda live: [
            {"name": "local", "base_url": f"{live}/v1", "api_key_file": "provider.key"},
            {"name": "claude", "base_url": f"{live}/v1", "api_key_file": "provider.key", "messages_api": "only"},
        ],
        models=[{"name": "small", "provider": "local"}, {"name": "large", "provider": "claude"}],
    )
    await router.post(CHAT, {**BODY, "model": "large"}, authorization=f"Bearer {CANARY}")
    sent = router.standin.record.last_headers
    assert (sent["x-api-key"], "authorization" in sent) == ("first", False)
    await router.post(CHAT, BODY, authorization=f"Bearer {CANARY}")
    assert router.standin.record.last_headers["authorization"] == "Bearer first"
    change(tmp_path / "provider.key", "second\n")
    await router.post(CHAT, {**BODY, "max_tokens": 3})
    assert router.standin.record.last_headers["authorization"] == "Bearer second"


async def test_a_refused_provider_key_is_not_quoted(start: Start, tmp_path: Path) -> None:
    (tmp_path / "provider.key").write_text(CANARY)
    router = await start(
        providers=lambda live: [{"name": "local", "base_url": f"{live}/v1", "api_key_file": "provider.key"}],
        models=[{"name": "small", "provider": "local", "upstream_name": "x-status-401"}],
    )
    status, _, body = await router.post(CHAT, BODY)
    assert status == 502
    assert "refused the router's API key" in body["error"]["message"]
    assert CANARY not in str(body)


@pytest.mark.parametrize("text", ["keys: 1", "keys: [{name: a}]", f"keys: [{{name: a, sha256: {CANARY}}}]", "[]"])
def test_a_bad_file_of_keys_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as problem:
        read_access(file, Limits())
    assert str(file) in str(problem.value)
    assert CANARY not in str(problem.value)


async def test_a_changed_configuration_is_taken_over(start: Start) -> None:
    router = await start()
    file, config = config_of(router)
    await router.post(CHAT, BODY)
    reloader = Reloader(load_config(file, {}), router.health)
    provider = router.gateway.engine.providers["local"]
    assert not await reloader.check()
    change(file, yaml.safe_dump({**config, "default_model": "large"}))
    assert await reloader.check()
    _, headers, _ = await router.post(CHAT, BODY)
    assert (headers["x-vsr-cache"], headers["x-vsr-selected-model"]) == ("miss", "large")
    assert router.gateway.engine.providers["local"] is provider, "its breakers and counts go on"
    change(file, yaml.safe_dump(config))
    assert await reloader.check()
    _, headers, _ = await router.post(CHAT, BODY)
    assert headers["x-vsr-cache"] == "hit", "the answers of the first configuration are valid again"
    counted = router.health.ready(detailed=True)[1]["lookups"]
    assert [(each["hits"], each["misses"]) for each in counted] == [(0, 1), (0, 1), (1, 0)]
    assert counted[0]["policy_epoch"] == counted[2]["policy_epoch"] != counted[1]["policy_epoch"]
    assert "lookups" not in router.health.ready()[1]


async def test_a_bad_configuration_keeps_the_old_one_and_says_so(start: Start) -> None:
    router = await start()
    file, config = config_of(router)
    reloader = Reloader(load_config(file, {}), router.health)
    change(file, yaml.safe_dump({**config, "default_model": "nobody"}))
    assert not await reloader.check()
    assert (await router.post(CHAT, BODY))[0] == 200
    status, ready = router.health.ready()
    assert status == 200
    assert "nobody" in ready["reload_problem"]
    assert router.gateway.observer.registry.get_sample_value("semantic_router_config_last_reload_successful") == 0
    change(file, yaml.safe_dump({**config, "default_model": "large"}))
    assert await reloader.check()
    assert "reload_problem" not in router.health.ready()[1]


async def test_what_waits_for_a_restart_is_told(start: Start) -> None:
    router = await start()
    file, config = config_of(router)
    reloader = Reloader(load_config(file, {}), router.health)
    cache = {**config["semantic_cache"], "max_entries": 7}
    change(file, yaml.safe_dump({**config, "semantic_cache": cache}))
    assert await reloader.check()
    assert router.health.ready()[1]["restart_needed"] == ["semantic_cache.max_entries"]
    change(file, yaml.safe_dump(config))
    assert await reloader.check()
    assert "restart_needed" not in router.health.ready()[1]


async def test_keys_are_reloaded(start: Start, tmp_path: Path) -> None:
    (tmp_path / "keys.yaml").write_text(keys("alice"))
    router = await start(access={"keys_file": "keys.yaml"})
    reloader = Reloader(load_config(router.gateway.engine.file, {}), router.health)
    change(tmp_path / "keys.yaml", keys("bob"))
    assert await reloader.check()
    assert (await router.post(CHAT, BODY, authorization=f"Bearer {CANARY}-alice"))[0] == 401
    assert (await router.post(CHAT, BODY, authorization=f"Bearer {CANARY}-bob"))[0] == 200


async def test_a_reload_that_crashes_is_logged_and_the_next_one_works(
    start: Start, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    router = await start()
    file, config = config_of(router)
    monkeypatch.setattr(reload, "CHECK_SECONDS", 0.01)
    real, crash = reload.make_engine, RuntimeError("nobody expected this")
    monkeypatch.setattr(reload, "make_engine", AsyncMock(side_effect=crash))
    running = asyncio.create_task(Reloader(load_config(file, {}), router.health).run())
    change(file, yaml.safe_dump({**config, "default_model": "large"}))
    await router.until(lambda: bool(router.health.reload_problem))
    assert (await router.post(CHAT, BODY))[0] == 200
    assert "nobody expected this" in capfd.readouterr().out
    monkeypatch.setattr(reload, "make_engine", real)
    change(file, yaml.safe_dump({**config, "default_model": "large", "config_epoch": "two"}))
    await router.until(lambda: router.gateway.engine.config_epoch == "two")
    assert router.health.reload_problem == ""
    assert not running.done()
    running.cancel()
