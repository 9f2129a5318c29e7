"""Reads a router pod's metrics: how many requests failed since its start, and whether its cache reaches Milvus."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from semantic_router_operator.render.names import METRICS_PORT
from semantic_router_operator.workflows.migration_verdicts import PodReport, Traffic

SECONDS = 5.0
_LARGEST_ANSWER = 8 * 1024 * 1024


async def ask(session: aiohttp.ClientSession, pod: str, address: str, port: int = METRICS_PORT) -> PodReport:
    """Ask once; never raises."""
    host = f"[{address}]" if ":" in address else address
    try:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with session.get(f"http://{host}:{port}/metrics", timeout=timeout) as answer:
            data = bytearray()
            async for chunk in answer.content.iter_any():
                data += chunk
                if len(data) > _LARGEST_ANSWER:
                    return PodReport(pod, problem=f"{host}:{port} does not end")
        text = data.decode()
    except TimeoutError:
        return PodReport(pod, problem=f"{host}:{port} gives no answer within {SECONDS:g} s")
    except (aiohttp.ClientError, OSError, UnicodeDecodeError) as error:
        return PodReport(pod, problem=f"{host}:{port} cannot be read: {error or type(error).__name__}")
    return report(pod, text)


def report(pod: str, text: str) -> PodReport:
    """Return what the metrics say."""
    requests = failures = hits = 0.0
    backend, available, known = "", True, False
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "semantic_router_requests_total":
                    known = True
                    requests += sample.value
                    failures += sample.value if sample.labels.get("status", "").startswith("5") else 0
                    hits += sample.value if sample.labels.get("cache") == "hit" else 0
                elif sample.name == "semantic_cache_hit_ratio":
                    known, backend = True, sample.labels.get("backend", "")
                elif sample.name == "semantic_cache_store_available":
                    available = sample.value > 0
    except (ValueError, KeyError) as error:
        return PodReport(pod, problem=f"its metrics cannot be read: {error}")
    if not known:
        return PodReport(pod, problem="its metrics are not a router's")
    return PodReport(pod, "", backend, available, Traffic(int(requests), int(failures)), int(hits))
