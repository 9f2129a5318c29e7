"""`python -m tests.web.screenshot` makes docs/images/dashboard*.png anew: a router, traffic for ten minutes, Chromium.

The questions and what the cache does with them are real; the models are stand-ins.
"""

import argparse
import asyncio
import json
import math
import random
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from tests.npm import installed, node
from tests.web.conftest import FOLDER, TOKEN, find_chromium

IMAGES = Path("docs/images")
QUESTIONS = (
    "How do I reset my password?",
    "What is your return policy for shoes?",
    "Please refund my last purchase, it arrived broken",
    "How do I sort a list of dictionaries by a key in Python?",
    "Write a SQL query that finds duplicate rows",
    "What does a limitation of liability clause mean in a contract?",
    "How do I cancel a subscription?",
    "Which payment methods do you accept?",
    "Do you ship to Switzerland?",
    "How long does standard delivery take?",
    "Why does a Python function return None?",
    "How can I export data as CSV?",
    "Who wrote the novel Middlemarch?",
    "What is the boiling point of ethanol?",
    "How do vaccines train the immune system?",
    "What is the weather today in Vienna?",
)
WORDINGS = ("{}", "{}", "Hi, {}", "Please tell me: {}", "{} Thanks!", "Quick question: {}")


def config(upstream: str) -> dict[str, Any]:
    def price(prompt: float, completion: float) -> dict[str, float]:
        return {"prompt_per_1m": prompt, "completion_per_1m": completion}

    def decision(name: str, priority: int, kind: str, signal: str, model: str) -> dict[str, Any]:
        rules = {"conditions": [{"type": kind, "name": signal}]}
        return {"name": name, "priority": priority, "rules": rules, "modelRefs": [{"model": model}]}

    check = {"interval_seconds": 2}
    return {
        "server": {"port": 0},
        "admin": {"port": 0, "token_file": "token"},
        "metrics": {"port": 0},
        "semantic_cache": {"backend_type": "memory", "max_entries": 50_000},
        "providers": [
            {"name": "vllm", "base_url": f"{upstream}/v1", "health_check": check},
            {"name": "spare", "base_url": "http://127.0.0.1:9/v1", "retries": 0, "health_check": check},
        ],
        "models": [
            {"name": "qwen3-8b", "provider": "vllm", "pricing": price(0.15, 0.6)},
            {"name": "qwen3-72b", "provider": "vllm", "pricing": price(0.9, 3.6)},
            {"name": "deepseek-r1", "provider": "spare", "fallbacks": ["qwen3-72b"], "pricing": price(1.2, 5)},
        ],
        "default_model": "qwen3-8b",
        "signals": {
            "keywords": [
                {"name": "code", "keywords": ["python", "sql", "function", "csv"]},
                {"name": "legal", "keywords": ["contract", "liability"]},
            ],
            "embeddings": [
                {"name": "refund", "threshold": 0.55, "candidates": ["I want my money back", "return policy"]}
            ],
        },
        "decisions": [
            decision("coding", 10, "keyword", "code", "qwen3-72b"),
            decision("contracts", 9, "keyword", "legal", "deepseek-r1"),
            decision("refunds", 5, "embedding", "refund", "qwen3-8b"),
        ],
    }


async def traffic(api: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    chance = random.Random(7)
    asked = 0
    async with aiohttp.ClientSession(api) as session:

        async def one() -> None:
            nonlocal asked
            asked += 1
            question = chance.choice(QUESTIONS)
            if chance.random() < 0.2:
                question = question.rstrip("?") + f" in case {asked}?"
            text = chance.choice(WORDINGS).format(question)
            body: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": text}]}
            if chance.random() < 0.02:
                del body["messages"]
            async with session.post("/v1/chat/completions", json=body) as response:
                await response.read()

        while time.monotonic() < end:
            await asyncio.gather(*(one() for _ in range(chance.randint(1, 6))))
            await asyncio.sleep(chance.random() * (1.6 + math.sin(time.monotonic() / 40)))


async def main(minutes: float) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        async def started(*arguments: str) -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            stack.push_async_callback(process.wait)
            stack.callback(process.terminate)
            return process

        pace = ["--first-token", "0.25", "--tokens-per-second", "300"]
        standin = await started("-m", "semantic_router_proxy.standin", *pace)
        assert standin.stdout is not None
        upstream = (await standin.stdout.readline()).decode().strip()
        (folder / "token").write_text(TOKEN)
        (folder / "config.yaml").write_text(yaml.safe_dump({**config(upstream), "log": {"requests": False}}))
        router = await started("-m", "semantic_router_proxy.cli", "serve", "--config", str(folder / "config.yaml"))
        assert router.stderr is not None
        addresses = json.loads(await router.stderr.readline())
        await router.stderr.readline()
        await traffic(addresses["api"], minutes * 60)
        for scheme, name in (("light", "dashboard.png"), ("dark", "dashboard-dark.png")):
            options = {
                "token": TOKEN,
                "scheme": scheme,
                "height": 1480,
                "question": "Hello, how do I reset my password please?",
                "path": str(IMAGES / name),
            }
            argv = [find_chromium(), str(installed(FOLDER)), addresses["admin"], str(folder / scheme)]
            browser = await asyncio.create_subprocess_exec(
                node(), str(FOLDER / "browse.mjs"), *argv, "screenshot", json.dumps(options)
            )
            assert await browser.wait() == 0
    sys.stdout.write(f"\n{IMAGES} has the new pictures\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    asyncio.run(main(parser.parse_args().minutes))
