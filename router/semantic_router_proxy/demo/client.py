"""The demo's client: plain HTTP, as any application would use it."""

import time

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from semantic_router_proxy.demo.processes import DemoError
from semantic_router_proxy.demo.report import Answer, CacheNumbers

_ANSWER_SECONDS = 120.0


async def ask(address: str, question: str, session: aiohttp.ClientSession) -> Answer:
    """Ask one question of the router, with `model: auto`. Raises DemoError where no answer came."""
    body = {
        "model": "auto",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": question},
        ],
        "temperature": 0.7,
    }
    begin = time.perf_counter()
    try:
        async with session.post(
            f"{address}/v1/chat/completions", json=body, timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        ) as response:
            answer = await response.json(content_type=None)
            milliseconds = (time.perf_counter() - begin) * 1000
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise DemoError(f"no answer to {question!r}: {error or type(error).__name__}") from None
    if response.status != 200:
        raise DemoError(f"no answer to {question!r}: status {response.status}, {answer}")
    headers = response.headers
    similarity = headers.get("x-vsr-cache-similarity")
    return Answer(
        milliseconds=milliseconds,
        cache=headers.get("x-vsr-cache", ""),
        tier=headers.get("x-vsr-cache-tier", ""),
        similarity=float(similarity) if similarity else None,
        model=headers.get("x-vsr-selected-model") or answer.get("model", ""),
        decision=headers.get("x-vsr-selected-decision", ""),
        text=answer["choices"][0]["message"]["content"],
    )


async def cache_numbers(address: str, session: aiohttp.ClientSession, backend: str) -> CacheNumbers:
    """Read the cache's statistics from the router's metrics. Raises DemoError where they cannot be read."""
    try:
        async with session.get(address, timeout=aiohttp.ClientTimeout(total=10)) as response:
            text = await response.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DemoError(f"the metrics at {address} cannot be read: {error or type(error).__name__}") from None
    entries = 0
    ratio = 0.0
    operations: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("backend") != backend:
                continue
            if sample.name == "semantic_cache_entries":
                entries = int(sample.value)
            elif sample.name == "semantic_cache_hit_ratio":
                ratio = sample.value
            elif sample.name == "semantic_cache_operations_total" and sample.value:
                name = f"{sample.labels['operation']} {sample.labels['status']}"
                operations[name] = operations.get(name, 0) + sample.value
    return CacheNumbers(entries, operations, ratio)
