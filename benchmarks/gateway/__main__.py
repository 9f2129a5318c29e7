"""`python -m benchmarks.gateway` measures the router beside its own model server; writes benchmarks/out/gateway.json.

Everything is measured in one run on one machine: calls of the stand-in directly, then through the router on a miss
without and with the cache, then semantic and exact hits. The router is one worker. `--litellm PROGRAM` adds LiteLLM's
proxy (installed in an environment of its own) with the same load.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from benchmarks.gateway.load import Result, request_bytes, run

OUT = Path("benchmarks/out/gateway.json")
HOST = "127.0.0.1"
CHAT = "/v1/chat/completions"
WORDS = (
    "river",
    "mountain",
    "engine",
    "compiler",
    "garden",
    "planet",
    "violin",
    "contract",
    "recipe",
    "bridge",
    "harbour",
    "lantern",
    "novel",
    "theorem",
    "cable",
    "protein",
    "market",
    "castle",
    "forest",
    "satellite",
)


@contextmanager
def process(argv: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        child = subprocess.Popen(argv, stdout=output, stderr=output, env={**os.environ, **(environment or {})})
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def until_ready(url: str, child: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and child.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of this file
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not become ready:\n{log.read_text()[-2000:]}")


def body(question: str, model: str = "auto") -> bytes:
    messages = [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": question}]
    return json.dumps({"model": model, "messages": messages, "temperature": 0.5}).encode()


def question(number: int) -> str:
    """Return a question that is like no other: three different words."""
    size = len(WORDS)
    first, second, third = number % size, number // size % size, number // size // size % size
    return f"Explain how a {WORDS[first]} relates to a {WORDS[second]} inside the {WORDS[third]} story"


def ask(port: int, bodies: list[bytes], connections: int, headers: tuple[tuple[str, str], ...] = ()) -> Result:
    requests = [request_bytes(HOST, port, CHAT, each, headers) for each in bodies]
    return asyncio.run(run(HOST, port, requests, connections))


def resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def measure_router(folder: Path, upstream: int, scale: float) -> dict[str, float]:
    figures: dict[str, float] = {}
    port = free_port()
    config = {
        "server": {"port": port},
        "admin": {"enabled": False},
        "metrics": {"port": 0},
        "semantic_cache": {"backend_type": "memory", "max_entries": 100_000},
        "providers": [{"name": "standin", "base_url": f"http://{HOST}:{upstream}/v1"}],
        "models": [{"name": "small", "provider": "standin"}],
    }
    for name, cache in (("plain", False), ("cached", True)):
        config["semantic_cache"] = {**config["semantic_cache"], "enabled": cache}  # type: ignore[dict-item]
        file, log = folder / f"{name}.yaml", folder / f"{name}.log"
        file.write_text(yaml.safe_dump(config))
        argv = [sys.executable, "-m", "semantic_router_proxy.cli", "serve", "--config", str(file)]
        with process(argv, log) as router:
            until_ready(f"http://{HOST}:{port}/readyz", router, log)
            ask(port, [body(f"warm up {number} please") for number in range(50)], 1)
            count = int(500 * scale)
            fresh = [body(question(number)) for number in range(count)]
            direct = ask(upstream, [body(question(number), "small") for number in range(count)], 1)
            miss = ask(port, fresh, 1)
            figures[f"{name}_direct_p50_ms"] = direct.p50
            if not cache:
                figures["miss_added_p50_ms"] = miss.p50 - direct.p50
                continue
            figures["miss_added_with_cache_p50_ms"] = miss.p50 - direct.p50
            repeated = fresh[:10] * int(2000 * scale)
            figures["exact_p50_ms"] = (one := ask(port, repeated[: int(4000 * scale)], 1)).p50
            figures["exact_p99_ms"] = one.p99
            many = ask(port, repeated, 16)
            figures |= {"exact_rps": many.rps, "exact_16_p50_ms": many.p50, "exact_16_p99_ms": many.p99}
            like = [body(question(number).replace("Explain", "Please explain")) for number in range(int(300 * scale))]
            semantic = ask(port, like, 1)
            figures |= {"semantic_p50_ms": semantic.p50, "semantic_p99_ms": semantic.p99}
            figures["rss_mb"] = resident_mb(router.pid)
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
        ask(port, [body(f"warm up {number} please", "small") for number in range(50)], 1)
        bodies = [body(question(number), "small") for number in range(int(300 * scale))]
        direct = ask(upstream, bodies, 1)
        miss = ask(port, bodies, 1)
        exact = ask(port, bodies[:10] * int(40 * scale), 1)
        many = ask(port, bodies[:10] * int(100 * scale), 16)
        return {
            "litellm_miss_added_p50_ms": miss.p50 - direct.p50,
            "litellm_exact_p50_ms": exact.p50,
            "litellm_exact_rps": many.rps,
            "litellm_rss_mb": resident_mb(proxy.pid),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", type=Path, help="LiteLLM's program, for a comparison in the same run")
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer requests")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upstream, log = free_port(), folder / "standin.log"
        pace = ["--first-token", "0", "--tokens-per-second", "0"]
        argv = [sys.executable, "-m", "semantic_router_proxy.standin", "--port", str(upstream), *pace]
        with process(argv, log) as standin:
            until_ready(f"http://{HOST}:{upstream}/healthz", standin, log)
            figures = measure_router(folder, upstream, options.scale)
            if options.litellm:
                figures |= measure_litellm(options.litellm, folder, upstream, options.scale)
    figures["cpus"] = float(os.cpu_count() or 0)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 3) for key, value in figures.items()}, indent=2) + "\n")
    sys.stdout.write(OUT.read_text())


if __name__ == "__main__":
    main()
