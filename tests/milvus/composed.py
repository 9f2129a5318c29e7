"""Runs the services of docker-compose.yaml without containers: `python -m tests.milvus.composed FOLDER`, in namespaces
of its own (`unshare --net --mount --pid --fork --kill-child`), so that their names and ports are the file's own.

The router and the stand-in are this environment's in place of the image's, Milvus is Milvus Lite's server; commands,
environment, mounted files and the health check are taken from the file. Prints a JSON line with what the seeds' call
was answered the first and the second time.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
READY_SECONDS = 90.0
CALL = {
    "model": "auto",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What are the main renewable energy sources?"},
    ],
    "temperature": 0.7,
}


def main(folder: Path) -> None:
    """Starts everything, asks twice, prints what came."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
    _network(folder, services)
    router = services["router"]
    # The image's working folder /app, with what is mounted there.
    for source, target, _ in (each.split(":") for each in router["volumes"]):
        mounted = folder / Path(target).relative_to("/app")
        mounted.parent.mkdir(parents=True, exist_ok=True)
        mounted.symlink_to((ROOT / source).resolve())
    _start("milvus", folder, [str(Path(sys.executable).with_name("milvus-lite")), "server",
                              "--data-dir", str(folder / "data"), "--host", "0.0.0.0", "--port", "19530"])  # fmt: skip  # noqa: S104
    _start("model", folder, [sys.executable, *services["model"]["entrypoint"][1:], *services["model"]["command"]])
    command = [each.replace("/app", str(folder)) for each in router["command"]]
    environment = {name: _default(value) for name, value in router["environment"].items()}
    served = _start("router", folder, [sys.executable, "-m", "semantic_router_proxy.cli", *command], environment)
    check = [sys.executable, *router["healthcheck"]["test"][2:]]
    deadline = time.monotonic() + READY_SECONDS
    while subprocess.run(check, capture_output=True).returncode != 0:
        if served.poll() is not None or time.monotonic() > deadline:
            sys.exit("the router did not become healthy: " + (folder / "router.log").read_text()[-3000:])
        time.sleep(0.2)
    cold = warm = _ask()
    # An answer is stored after it has been sent.
    while warm["cache"] != "hit" and time.monotonic() < deadline:
        warm = _ask()
    print(json.dumps([cold, warm]))


def _network(folder: Path, services: dict[str, Any]) -> None:
    """Every service's name leads to this network's loopback."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = folder / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *services)))
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)


def _default(value: str) -> str:
    """`${NAME:-default}` where nothing is set."""
    return value.removeprefix("${").removesuffix("}").partition(":-")[2] if value.startswith("${") else value


def _start(
    name: str, folder: Path, command: list[str], environment: dict[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=log, stderr=log)


def _ask() -> dict[str, Any]:
    """The call of the seeds' tutorial."""
    request = urllib.request.Request(
        "http://localhost:8801/v1/chat/completions",
        json.dumps(CALL).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer test-token"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            body, headers = json.loads(answer.read()), answer.headers
    except urllib.error.HTTPError as error:
        sys.exit(f"the router answered {error.code}: {error.read().decode()}")
    return {
        "cache": headers["x-vsr-cache"],
        "tier": headers["x-vsr-cache-tier"],
        "text": body["choices"][0]["message"]["content"],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
