"""The admin port: the dashboard's files, its numbers, the dry run, and who may do what."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.system.gateway.conftest import Running, Start, listening

from semantic_router_proxy.config.server import AdminConfig
from semantic_router_proxy.server.admin import make_admin_app

QUESTION = "Which birds can fly backwards?"
Admin = Callable[..., Awaitable[str]]


@pytest.fixture
async def router(start: Start) -> Running:
    return await start(
        signals={"keywords": [{"name": "animals", "keywords": ["birds"]}]},
        decisions=[
            {
                "name": "zoo",
                "rules": {"conditions": [{"type": "keyword", "name": "animals"}]},
                "modelRefs": [{"model": "large"}],
            }
        ],
    )


@pytest.fixture
async def admin(router: Running, tmp_path: Path) -> AsyncIterator[Admin]:
    async with AsyncExitStack() as stack:

        async def started(token: str = "") -> str:
            (tmp_path / "admin-token").write_text(token)
            config = AdminConfig(token_file="admin-token" if token else None)
            return await stack.enter_async_context(listening(make_admin_app(router.health, config, tmp_path)))

        yield started


async def test_the_page_needs_nothing_from_elsewhere(router: Running, admin: Admin) -> None:
    url = await admin()
    for path in ("/", "/dashboard.css", "/dashboard.js"):
        async with router.session.get(url + path) as response:
            text = await response.text()
            assert response.status == 200
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert "://" not in text
    async with router.session.get(f"{url}/readyz") as response:
        told = await response.json()
    assert (told["status"], told["cache_backend"]) == ("ready", "memory")
    assert (told["cache_entries"], told["store_problem"]) == (0, "")
    assert "store_problem" not in router.health.ready()[1], "the API's own port names no addresses"


async def test_the_state_tells_what_happened(router: Running, admin: Admin) -> None:
    url = await admin()
    await router.ask(QUESTION)
    await router.ask(QUESTION)
    async with router.session.get(f"{url}/api/state") as response:
        state = await response.json()
    assert state["requests"] == {"miss": 1, "hit": 1}
    assert state["decisions"] == {"zoo": 1}
    assert state["tokens"]["saved"] > 0
    assert state["providers"][0]["breaker"] == "closed"
    assert [each["cache"] for each in state["recent"]] == ["hit", "miss"]
    assert state["recent"][1]["question"] == QUESTION


async def test_a_dry_run_names_the_decision_and_the_caches_verdict(router: Running, admin: Admin) -> None:
    url = await admin()
    for verdict in ("miss", "hit"):
        async with router.session.post(f"{url}/api/explain", json={"text": QUESTION, "model": "auto"}) as response:
            told = await response.json()
        assert (told["model"], told["decision"]) == ("large", "zoo")
        assert told["signals"][0]["why"] == "found 'birds'"
        assert told["cache"]["verdict"] == verdict
        await router.ask(QUESTION)
    assert router.standin.record.requests == 1


async def test_changing_needs_a_token(router: Running, admin: Admin) -> None:
    url = await admin()
    async with router.session.post(f"{url}/api/cache/invalidate", json={}) as response:
        assert response.status == 403
    url = await admin("secret-admin-token")
    for path, method in (("/api/state", "GET"), ("/api/explain", "POST"), ("/api/cache/invalidate", "POST")):
        async with router.session.request(method, url + path, json={}) as response:
            assert response.status == 401
            assert "secret-admin-token" not in await response.text()
    await router.ask(QUESTION)
    held = {"authorization": "Bearer secret-admin-token"}
    async with router.session.post(f"{url}/api/cache/invalidate", json={}, headers=held) as response:
        assert await response.json() == {"invalidated": 1}
    _, headers, _ = await router.ask(QUESTION)
    assert headers["x-vsr-cache"] == "miss"


async def test_stored_questions_are_for_the_tokens_holder(router: Running, admin: Admin) -> None:
    await router.ask(QUESTION)
    url = await admin("secret-admin-token")
    held = {"authorization": "Bearer secret-admin-token"}
    async with router.session.get(f"{url}/api/cache/entries") as response:
        assert response.status == 401
    async with router.session.get(f"{url}/api/cache/entries?words=FLY+birds", headers=held) as response:
        (entry,) = (await response.json())["entries"]
    assert (entry["question"], entry["model"], entry["scope"]) == (QUESTION, "large", "anonymous")
    async with router.session.get(f"{url}/api/cache/entries?words=fish", headers=held) as response:
        assert await response.json() == {"entries": []}
    async with router.session.get(f"{url}/api/cache/entries?limit=0", headers=held) as response:
        assert response.status == 400
    one = f"{url}/api/cache/entries/{entry['entry_id']}"
    async with router.session.delete(one) as response:
        assert response.status == 401
    async with router.session.delete(one, headers=held) as response:
        assert response.status == 200
    async with router.session.delete(one, headers=held) as response:
        assert response.status == 404
    _, headers, _ = await router.ask(QUESTION)
    assert headers["x-vsr-cache"] == "miss"


async def test_words_are_looked_for_in_all_that_is_kept_page_by_page(router: Running, admin: Admin) -> None:
    for number in range(5):
        await router.ask(f"{QUESTION} Answer number {number}.")
    await router.ask("Which metals are liquid?")
    url = await admin("secret-admin-token")
    held = {"authorization": "Bearer secret-admin-token"}
    found, read, cursor = [], 0, ""
    while cursor is not None:
        params = {"words": "BIRDS number", "limit": "2", "cursor": cursor}
        async with router.session.get(f"{url}/api/cache/entries", params=params, headers=held) as response:
            told = await response.json()
        found += [entry["question"] for entry in told["entries"]]
        read, cursor = read + told["read"], told["cursor"]
    assert (len(found), len(set(found)), read) == (5, 5, 6)


async def test_a_dry_run_is_for_whoever_is_named(router: Running, admin: Admin) -> None:
    url = await admin("secret-admin-token")
    held = {"authorization": "Bearer secret-admin-token"}
    asked = {"model": "auto", "messages": [{"role": "user", "content": QUESTION}], "user": "u1"}
    await router.post("/v1/chat/completions", asked)

    async def verdict(**who: str) -> tuple[str, str]:
        async with router.session.post(f"{url}/api/explain", json={"text": QUESTION, **who}, headers=held) as response:
            told = (await response.json())["cache"]
            return told["scope"], told["verdict"]

    assert await verdict() == ("anonymous", "miss")
    scope, told = await verdict(user="u1")
    assert (scope.startswith("anonymous/user:"), told) == (True, "hit")
    assert await verdict(caller="team-a") == ("caller:team-a", "miss")


async def test_what_others_have_asked_is_not_told_without_a_token(router: Running, admin: Admin) -> None:
    url = await admin()
    asked = {"text": QUESTION, "scope": "caller:team-a"}
    # A page of another site that was made to lead here sends its own name.
    elsewhere = {"host": "elsewhere.example"}
    async with router.session.post(f"{url}/api/explain", json=asked, headers=elsewhere) as response:
        assert response.status == 403
    async with router.session.post(f"{url}/api/explain", json={"text": QUESTION}, headers=elsewhere) as response:
        assert response.status == 200


@pytest.mark.parametrize("body", [{"modle": "large"}, {"model": 1}, {"everything": "yes"}])
async def test_a_selector_that_is_not_understood_deletes_nothing(
    router: Running, admin: Admin, body: dict[str, object]
) -> None:
    await router.ask(QUESTION)
    url = await admin("secret-admin-token")
    held = {"authorization": "Bearer secret-admin-token"}
    async with router.session.post(f"{url}/api/cache/invalidate", json=body, headers=held) as response:
        assert response.status == 400
    _, headers, _ = await router.ask(QUESTION)
    assert headers["x-vsr-cache"] == "hit"


async def test_another_sites_form_changes_nothing(router: Running, admin: Admin) -> None:
    url = await admin("secret-admin-token")
    held = {"authorization": "Bearer secret-admin-token"}
    async with router.session.post(f"{url}/api/cache/invalidate", data=b"{}", headers=held) as response:
        assert response.status == 415
