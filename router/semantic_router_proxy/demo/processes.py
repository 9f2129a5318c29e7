"""Child processes of the demo: started, awaited until they can serve, and always stopped again."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

_LAST_LINES = 15


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


class ChildProcess:
    """A program of ours in a process of its own, its output in a file."""

    def __init__(self, name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._argv = tuple(argv)
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv, stdout=output, stderr=output, stdin=asyncio.subprocess.DEVNULL, env=self._environment
            )

    async def until_ready(self, url: str, session: aiohttp.ClientSession, seconds: float) -> None:
        """Return once the address answers 200. Raises DemoError when the process ends or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while not await self._answers(url, session):
                    if self._process is None or self._process.returncode is not None:
                        raise DemoError(f"{self.name} ended while starting:\n{self.last_lines()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise DemoError(f"{self.name} was not ready after {seconds:.0f} s:\n{self.last_lines()}") from None

    async def until_printed(self, pattern: re.Pattern[str], seconds: float) -> str:
        """Return what the pattern matches in the output, once it does. Raises DemoError like `until_ready`."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := pattern.search(self._log.read_text(encoding="utf-8", errors="replace"))):
                    if self._process is None or self._process.returncode is not None:
                        raise DemoError(f"{self.name} ended while starting:\n{self.last_lines()}")
                    await asyncio.sleep(0.05)
                return found.group(0)
        except TimeoutError:
            raise DemoError(f"{self.name} was not ready after {seconds:.0f} s:\n{self.last_lines()}") from None

    @staticmethod
    async def _answers(url: str, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def stop(self, seconds: float = 15) -> None:
        """Ask the process to end; after the given time end it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def last_lines(self) -> str:
        """Return the end of what the process printed."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(f"    {line}" for line in lines[-_LAST_LINES:]) or "    (it printed nothing)"
