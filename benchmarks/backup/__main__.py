"""`python -m benchmarks.backup` saves a cache and brings it back; writes benchmarks/out/backup.json.

A Milvus (2.3.5) and an S3 server (moto, in memory) run on this machine, as the tests use them; the programs are those
that the Jobs run, each as a process, start included. Every entry is compared at the end, to the byte. Answers have 1.5
kB of text that gzip halves, like real ones; vectors are those of the default model (384 numbers), here by chance.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from tests.milvus.conftest import ROOT_TOKEN
from tests.milvus.server import MilvusServer
from tests.object_store.server import S3Server

from semantic_router_operator.backup.result import RESULT_VARIABLE
from semantic_router_proxy.cache.archive import ArchiveHeader, ArchiveReader, write_archive
from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader

OUT = Path("benchmarks/out/backup.json")
DIMENSION = 384
ALIAS = "semantic_cache"
_WORDS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        milvus = MilvusServer(folder / "milvus", "--authorization-enabled", "true")
        s3 = S3Server(folder / "s3")
        try:
            milvus.start(token=ROOT_TOKEN)
            s3.make_bucket("backups")
            figures = Site(folder, milvus, s3).measure(options.entries)
        finally:
            s3.stop()
            milvus.kill()
    figures |= {"entries": options.entries, "cpus": os.cpu_count() or 0}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 2) for key, value in figures.items()}, indent=2) + "\n")
    sys.stdout.write(OUT.read_text())


class Site:
    """A router's files, and the programs that work on its cache."""

    def __init__(self, folder: Path, milvus: MilvusServer, s3: S3Server) -> None:
        self._folder = folder
        username, password = ROOT_TOKEN.split(":")
        client = {
            "connection": {"host": "127.0.0.1", "port": milvus.port, "timeout": 120,
                           "auth": {"enabled": True, "username": username, "password": password}},
            "search": {"consistency_level": "Strong", "timeout": 120},
        }  # fmt: skip
        (folder / "milvus.yaml").write_text(yaml.safe_dump(client))
        section = {"backend_type": "hybrid", "backend_config_path": "milvus.yaml"}
        (folder / "config.yaml").write_text(yaml.safe_dump({"semantic_cache": section}))
        settings = {
            "router": {"namespace": "shop", "name": "router"}, "engine": "export",
            "storage": {"endpoint": s3.endpoint, "bucket": "backups"}, "work_dir": str(folder),
        }  # fmt: skip
        (folder / "backup.yaml").write_text(yaml.safe_dump(settings))
        # Of the programs, not of the servers: their processors' time, and the largest one's memory (KiB).
        self._cpu, self._peak = 0.0, 0
        self._environment = {**os.environ, **s3.environment(), RESULT_VARIABLE: str(folder / "result")}

    def measure(self, entries: int) -> dict[str, float]:
        """Fill, export, upload, check, fetch, restore, switch, export again, compare; return seconds and sizes."""
        first, saved, fetched, back = (self._folder / f"{each}.gz" for each in ("first", "cache", "fetched", "back"))
        header = ArchiveHeader(self._embedder(), DIMENSION)
        with first.open("wb") as file:
            file.writelines(write_archive(header, make_entries(entries)))
        filled = f"{ALIAS}_v20261121160000"
        figures = {"fill_seconds": self._router("restore", str(first), "--into", filled)}
        self._router("switch", "--to", filled)
        figures["export_seconds"] = self._router("export", str(saved))
        figures["archive_mb"] = saved.stat().st_size / 1e6
        figures["upload_seconds"] = self._runner("run")
        figures["check_seconds"] = self._runner("check")
        figures["fetch_seconds"] = self._runner("fetch", str(fetched))
        into = f"{ALIAS}_v20261121170000"
        figures["restore_seconds"] = self._router("restore", str(fetched), "--into", into)
        figures["switch_seconds"] = self._router("switch", "--to", into)
        self._router("export", str(back))
        compare(first, back)
        figures["backup_seconds"] = figures["export_seconds"] + figures["upload_seconds"]
        figures["recovery_seconds"] = sum(
            figures[f"{each}_seconds"] for each in ("check", "fetch", "restore", "switch")
        )
        return figures | {"cpu_seconds": self._cpu, "peak_mb": self._peak * 1024 / 1e6}

    def _embedder(self) -> str:
        command = [sys.executable, "-m", "semantic_router_proxy.cli", "cache", "stats", "-o", "json"]
        told = subprocess.run(
            [*command, "--config", str(self._folder / "config.yaml")], check=True, capture_output=True
        ).stdout
        return str(json.loads(told)["embedder"])

    def _router(self, *arguments: str) -> float:
        program = [sys.executable, "-m", "semantic_router_proxy.cli", "cache"]
        return self._timed([*program, *arguments, "--config", str(self._folder / "config.yaml")])

    def _runner(self, *arguments: str) -> float:
        program = [sys.executable, "-c", "from semantic_router_operator.cli import main; main()", "backup"]
        return self._timed([*program, *arguments, "--config", str(self._folder / "backup.yaml")])

    def _timed(self, command: list[str]) -> float:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)
        _, code, used = os.wait4(process.pid, 0)
        if code:
            raise SystemExit(f"{' '.join(command)} failed")
        self._cpu += used.ru_utime + used.ru_stime
        self._peak = max(self._peak, used.ru_maxrss)
        return time.perf_counter() - begin


def make_entries(count: int) -> Iterator[CacheEntry]:
    random = np.random.default_rng(11)
    words = ["".join(map(chr, random.integers(97, 123, random.integers(3, 10)))) for _ in range(_WORDS)]
    now = time.time()
    for number in range(count):
        vector = random.standard_normal(DIMENSION).astype(np.float32)
        vector /= np.linalg.norm(vector)
        text = " ".join(words[each] for each in random.integers(0, _WORDS, 200))
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        answer = {"id": f"chatcmpl-{number}", "object": "chat.completion", "model": "m", "choices": [choice]}
        header = EntryHeader(
            entry_id=f"{number:064x}",
            partition=f"{number % 50:064x}",
            exact_key=f"{number:064x}",
            scope="anonymous",
            model="m",
            query=f"question {number}: {text[:60]}",
            semantic=True,
            created_at=now,
            expires_at=0.0,
            decision="",
        )
        request = {"model": "auto", "messages": [{"role": "user", "content": header.query}]}
        yield CacheEntry(header, json.dumps(request).encode(), json.dumps(answer).encode(), vector)


def compare(first: Path, second: Path) -> None:
    """Exit where the archives do not hold the very same entries."""
    if (wanted := digests(first)) != (found := digests(second)):
        different = sum(found.get(key) != value for key, value in wanted.items())
        raise SystemExit(f"{different} of {len(wanted)} entries did not come back as they were")


def digests(archive: Path) -> dict[str, int]:
    def content(entry: CacheEntry) -> tuple[Any, ...]:
        vector = entry.embedding.tobytes() if entry.embedding is not None else b""
        return entry.header.query, entry.header.exact_key, entry.request, entry.response, vector

    with archive.open("rb") as file:
        return {
            each.header.entry_id: hash(content(each)) for portion in ArchiveReader(file).portions() for each in portion
        }


if __name__ == "__main__":
    main()
