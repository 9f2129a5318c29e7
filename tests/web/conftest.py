"""The dashboard of a gateway in this process, and a browser that looks at it."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.npm import UnavailableError, installed, node
from tests.system.gateway.conftest import Running, Start, listening, start

from semantic_router_proxy.config.server import AdminConfig
from semantic_router_proxy.server.admin import make_admin_app

__all__ = ["start"]

FOLDER = Path(__file__).parent
TOKEN = "web-test-token"


def find_chromium() -> str:
    """Return the path of Chromium, installing Debian's where this process may. Raises UnavailableError."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    apt = shutil.which("apt-get")
    if found is None and apt is not None and os.geteuid() == 0:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([apt, "-qq", *arguments], env=environment, check=False, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium")
    if found is None:
        raise UnavailableError("Chromium is needed for these tests, and none is on PATH: apt-get install chromium.")
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    return find_chromium()


@pytest.fixture(scope="session")
def modules() -> Path:
    return installed(FOLDER)


class Browser:
    """Runs one case of browse.mjs in a browser of its own; returns what it saw."""

    def __init__(self, chromium: str, modules: Path, url: str, profile: Path) -> None:
        self._argv = [node(), str(FOLDER / "browse.mjs"), chromium, str(modules), url, str(profile)]

    async def run(self, case: str, **options: Any) -> Any:
        process = await asyncio.create_subprocess_exec(
            *self._argv, case, json.dumps(options), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        seen = json.loads(output)
        assert seen["problems"] == [], "the browser's console names no error"
        return seen["result"]


class Site:
    """A router, its dashboard and a browser."""

    def __init__(self, router: Running, url: str, browser: Browser) -> None:
        self.router = router
        self.url = url
        self.browser = browser


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def site(start: Start, stack: AsyncExitStack, chromium: str, modules: Path, tmp_path: Path) -> Site:
    """A router with a decision and prices; the admin token is TOKEN."""
    (tmp_path / "admin-token").write_text(TOKEN)
    price = {"prompt_per_1m": 1_000_000, "completion_per_1m": 2_000_000, "currency": "EUR"}
    router = await start(
        models=[{"name": "small", "provider": "local", "pricing": price}, {"name": "large", "provider": "local"}],
        signals={"keywords": [{"name": "animals", "keywords": ["birds"]}]},
        decisions=[
            {
                "name": "zoo",
                "rules": {"conditions": [{"type": "keyword", "name": "animals"}]},
                "modelRefs": [{"model": "large"}],
            }
        ],
    )
    admin = make_admin_app(router.health, AdminConfig(token_file="admin-token"), tmp_path)
    url = await stack.enter_async_context(listening(admin))
    return Site(router, url, Browser(chromium, modules, url, tmp_path / "profile"))
