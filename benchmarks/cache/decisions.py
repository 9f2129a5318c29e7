"""What the decisions cost: the key of a request, the policy's word, the guard's. Microseconds, medians."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.cache.report import Report, table
from fow_cache.data import load_questions

from semantic_router_proxy.cache import keys
from semantic_router_proxy.cache.guard import check
from semantic_router_proxy.cache.guard.words import forget_readings
from semantic_router_proxy.cache.policy import CallerHints, eligibility

PROTOCOL = "chat.completions"
BODY: dict[str, Any] = {
    "model": "auto",
    "messages": [
        {"role": "system", "content": "You are the help desk of an energy company. Be brief and friendly. " * 15},
        {
            "role": "user",
            "content": "What are the main sources of renewable energy, and which of them is growing most?",
        },
    ],
    "temperature": 0.7,
    "stream": True,
}


def measure() -> Report:
    pairs = [(row["a"], row["b"]) for row in load_questions()]

    def guarded(number: int) -> None:
        # Both texts are read anew, as for two questions that the process has not seen for long.
        forget_readings()
        check(*pairs[number % len(pairs)], 0.9)

    question = keys.query_text(PROTOCOL, BODY)
    figures = {
        "exact_key_p50_us": _median(lambda _: keys.exact_key("scope", "epoch", PROTOCOL, BODY)),
        "partition_p50_us": _median(lambda _: keys.partition("scope", "m@1/384", "epoch", PROTOCOL, "small", BODY)),
        "eligibility_p50_us": _median(lambda _: eligibility(PROTOCOL, BODY, question, CallerHints(), ("en",))),
        "guard_p50_us": _median(guarded),
        "guard_read_before_p50_us": _median(lambda number: check(*pairs[number % 8], 0.9)),
    }
    shown = table("Decisions, median", "step", "µs")
    for name, value in figures.items():
        shown.add_row(name.removesuffix("_p50_us").replace("_", " "), f"{value:.1f}")
    return Report(figures, (shown,))


def _median(call: Callable[[int], object], times: int = 3000) -> float:
    for number in range(200):
        call(number)
    taken = []
    for number in range(times):
        begin = time.perf_counter_ns()
        call(number)
        taken.append(time.perf_counter_ns() - begin)
    return round(median(taken) / 1000, 2)
