"""Run the demo: render the CR, start everything, ask, restart, ask again, report."""

import asyncio
import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from semantic_router_proxy.demo.client import ask, cache_numbers
from semantic_router_proxy.demo.custom_resource import Upstream, rendered_files, with_upstream
from semantic_router_proxy.demo.processes import ChildProcess, DemoError
from semantic_router_proxy.demo.questions import TOPICS
from semantic_router_proxy.demo.report import Answer, CacheNumbers, TopicResult, results_table, summary

UPSTREAM_VARIABLE = "SEMANTIC_ROUTER_UPSTREAM"
UPSTREAM_KEY_VARIABLE = "SEMANTIC_ROUTER_UPSTREAM_KEY"
UPSTREAM_MODELS_VARIABLE = "SEMANTIC_ROUTER_UPSTREAM_MODELS"

_CONCURRENT_COLD_QUESTIONS = 3
_STARTING_SECONDS = 90.0
_STATISTICS_TRIES = 20


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Which CR to run and where to listen."""

    custom_resource: Path
    host: str = "127.0.0.1"
    port: int = 8801
    admin_port: int = 8080
    metrics_port: int = 9190


async def run_demo(options: DemoOptions, console: Console) -> bool:
    """Run the whole demo in a temporary folder.

    Returns whether every promise was kept: each repeated question was a hit, also after the restart, and no
    look-alike was. Raises DemoError where the demo could not be run.
    """
    folder = Path(tempfile.mkdtemp(prefix="semantic-router-demo-"))
    try:
        async with contextlib.AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return await _Demo(options, console, folder, session, stack).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Demo:
    def __init__(
        self,
        options: DemoOptions,
        console: Console,
        folder: Path,
        session: aiohttp.ClientSession,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        self._options = options
        self._console = console
        self._folder = folder
        self._session = session
        self._stack = stack
        self._address = f"http://{options.host}:{options.port}"

    async def run(self) -> bool:
        upstream = await self._upstream()
        self._step("Model server", upstream.description)
        config, environment = await self._render(upstream)
        router = self._router(config, environment)
        seconds = await self._start(router)
        self._step(
            "Router", f"{self._address}, ready after {seconds:.1f} s, embedded Milvus, ConfigMap of the operator"
        )
        results, restart_seconds = await self._ask_everything(router)
        numbers = await self._numbers(misses=sum(1 for each in results if each.look_alike and not each.look_alike.hit))
        self._console.print()
        self._console.print(results_table(results))
        self._console.print(summary(results, numbers, upstream.description, restart_seconds))
        return all(_kept(result) for result in results)

    def _step(self, what: str, words: str) -> None:
        self._console.print(f"[green]✓[/green] [bold]{what}[/bold]: {words}", highlight=False)

    async def _upstream(self) -> Upstream:
        """Take the server named in the environment, else start the stand-in."""
        url = os.environ.get(UPSTREAM_VARIABLE, "").strip()
        if url:
            models = tuple(filter(None, os.environ.get(UPSTREAM_MODELS_VARIABLE, "").split(",")))
            return Upstream(url, os.environ.get(UPSTREAM_KEY_VARIABLE, ""), models, url)
        log = self._folder / "standin.log"
        standin = ChildProcess("the stand-in model server", _module("standin", "--port", "0"), log)
        self._stack.push_async_callback(standin.stop)
        await standin.start()
        found = await standin.until_printed(re.compile(r"http://\S+?:\d+"), _STARTING_SECONDS)
        return Upstream(f"{found.rstrip('/')}/v1", "", (), "a stand-in that takes as long as a real one")

    async def _render(self, upstream: Upstream) -> tuple[Path, dict[str, str]]:
        """Let the operator render the CR; return the router's file and the environment that it expects."""
        changed = self._folder / "custom-resource.yaml"
        changed.write_text(with_upstream(self._options.custom_resource, upstream), encoding="utf-8")
        operator = Path(sys.executable).with_name("semantic-router-operator")
        if not operator.exists():
            raise DemoError("semantic-router-operator is not installed; install the extra: semantic-router[operator]")
        process = await asyncio.create_subprocess_exec(
            str(operator), "render", str(changed), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        if process.returncode != 0:
            raise DemoError(f"{self._options.custom_resource} was not rendered:\n{errors.decode(errors='replace')}")
        rendered = rendered_files(output.decode(), upstream, self._folder)
        self._step("Operator", f"{self._options.custom_resource} rendered to {rendered.objects}")
        return rendered.config, rendered.environment

    def _router(self, config: Path, environment: dict[str, str]) -> ChildProcess:
        options = self._options
        argv = _module(
            "cli", "serve", "--config", str(config), "--host", options.host, "--port", str(options.port),
            "--admin-port", str(options.admin_port), "--metrics-port", str(options.metrics_port),
        )  # fmt: skip
        router = ChildProcess("the router", argv, self._folder / "router.log", environment)
        self._stack.push_async_callback(router.stop)
        return router

    async def _start(self, router: ChildProcess) -> float:
        """Start the router; return the seconds until it is ready."""
        begin = time.perf_counter()
        await router.start()
        await router.until_ready(f"{self._address}/readyz", self._session, _STARTING_SECONDS)
        return time.perf_counter() - begin

    async def _ask_everything(self, router: ChildProcess) -> tuple[list[TopicResult], float]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("", total=5 * len(TOPICS) + 1)
            progress.update(task, description="Asking for the first time")
            limit = asyncio.Semaphore(_CONCURRENT_COLD_QUESTIONS)

            async def first(question: str) -> Answer:
                async with limit:
                    return await self._ask(question, progress, task)

            answers = await asyncio.gather(*(first(topic.question) for topic in TOPICS))
            results = [TopicResult(topic, cold) for topic, cold in zip(TOPICS, answers, strict=True)]
            progress.update(task, description="Asking again, word for word")
            for result in results:
                result.again = await self._ask(result.topic.question, progress, task)
            progress.update(task, description="Restarting the router")
            await router.stop()
            seconds = await self._start(router)
            progress.advance(task)
            progress.update(task, description="Asking again, after the restart")
            for result in results:
                result.after_restart = await self._ask(result.topic.question, progress, task)
            progress.update(task, description="Asking in other words")
            for result in results:
                result.paraphrase = await self._ask(result.topic.paraphrase, progress, task)
            progress.update(task, description="Asking what only looks alike")
            others = await asyncio.gather(*(first(topic.look_alike) for topic in TOPICS))
            for result, answer in zip(results, others, strict=True):
                result.look_alike = answer
        return results, seconds

    async def _numbers(self, misses: int) -> CacheNumbers:
        """Read the cache's statistics once the last answers are in it; they are stored after they were given."""
        address = f"http://{self._options.host}:{self._options.metrics_port}/metrics"
        numbers = await cache_numbers(address, self._session, backend="hybrid")
        for _ in range(_STATISTICS_TRIES):
            if numbers.operations.get("add_entry success", 0) >= misses:
                break
            await asyncio.sleep(0.1)
            numbers = await cache_numbers(address, self._session, backend="hybrid")
        return numbers

    async def _ask(self, question: str, progress: Progress, task: TaskID) -> Answer:
        answer = await ask(self._address, question, self._session)
        progress.advance(task)
        return answer


def _module(name: str, *arguments: str) -> Sequence[str]:
    return (sys.executable, "-m", f"semantic_router_proxy.{name}", *arguments)


def _kept(result: TopicResult) -> bool:
    hits = (result.again, result.after_restart)
    return all(a is not None and a.hit for a in hits) and result.look_alike is not None and not result.look_alike.hit
