"""Latency and throughput: the router beside its own model server, and LiteLLM's proxy with the same load."""

import asyncio
import os
from pathlib import Path

import yaml
from benchmarks.gateway.load import Result, request_bytes, run
from benchmarks.gateway.questions import CHAT, body, question
from benchmarks.gateway.servers import HOST, free_port, process, resident_mb, router, until_ready


def ask(port: int, bodies: list[bytes], connections: int) -> Result:
    requests = [request_bytes(HOST, port, CHAT, each) for each in bodies]
    return asyncio.run(run(HOST, port, requests, connections))


def warm_up(port: int, model: str = "auto") -> None:
    ask(port, [body(f"warm up {number} please", model) for number in range(50)], 1)


def measure_router(folder: Path, upstream: int, scale: float) -> dict[str, float]:
    figures: dict[str, float] = {}
    count = int(500 * scale)
    fresh = [body(question(number)) for number in range(count)]
    direct = [body(question(number), "small") for number in range(count)]
    for name, cache in (("plain", False), ("cached", True)):
        settings = {"backend_type": "memory", "max_entries": 100_000, "enabled": cache}
        with router(folder, upstream, name, semantic_cache=settings) as (port, child):
            warm_up(port)
            # The same calls without a router, before and after: what is added stands out of what drifts.
            before, miss, after = ask(upstream, direct, 1), ask(port, fresh, 1), ask(upstream, direct, 1)
            added = miss.p50 - (before.p50 + after.p50) / 2
            figures["direct_p50_ms"] = (before.p50 + after.p50) / 2
            if not cache:
                figures["miss_added_p50_ms"] = added
                continue
            figures["miss_added_with_cache_p50_ms"] = added
            repeated = fresh[:10] * int(2000 * scale)
            one = ask(port, repeated[: int(4000 * scale)], 1)
            many = ask(port, repeated, 16)
            like = [body(question(number).replace("Explain", "Please explain")) for number in range(int(300 * scale))]
            semantic = ask(port, like, 1)
            figures |= {
                "exact_p50_ms": one.p50,
                "exact_p99_ms": one.p99,
                "exact_rps": many.rps,
                "exact_16_p50_ms": many.p50,
                "exact_16_p99_ms": many.p99,
                "semantic_p50_ms": semantic.p50,
                "semantic_p99_ms": semantic.p99,
                "rss_mb": resident_mb(child.pid),
            }
    return figures


def measure_litellm(program: Path, folder: Path, upstream: int, scale: float) -> dict[str, float]:
    port = free_port()
    model = {"model": "openai/small", "api_base": f"http://{HOST}:{upstream}/v1", "api_key": "none"}
    config = {
        "model_list": [{"model_name": "small", "litellm_params": model}],
        "litellm_settings": {"cache": True, "cache_params": {"type": "local"}},
    }
    file, log = folder / "litellm.yaml", folder / "litellm.log"
    file.write_text(yaml.safe_dump(config))
    argv = [str(program), "--config", str(file), "--host", HOST, "--port", str(port), "--num_workers", "1"]
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # On loopback, and to its advantage: it need not check a key.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    with process(argv, log, environment) as proxy:
        until_ready(f"http://{HOST}:{port}/health/liveliness", proxy, log)
        warm_up(port, "small")
        bodies = [body(question(number), "small") for number in range(int(300 * scale))]
        before, miss, after = ask(upstream, bodies, 1), ask(port, bodies, 1), ask(upstream, bodies, 1)
        exact = ask(port, bodies[:10] * int(40 * scale), 1)
        many = ask(port, bodies[:10] * int(100 * scale), 16)
        return {
            "litellm_miss_added_p50_ms": miss.p50 - (before.p50 + after.p50) / 2,
            "litellm_exact_p50_ms": exact.p50,
            "litellm_exact_rps": many.rps,
            "litellm_rss_mb": resident_mb(proxy.pid),
        }
