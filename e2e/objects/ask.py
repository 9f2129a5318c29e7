"""Runs inside the client's pod: asks by the openai package and prints one JSON line an answer.

Standard input is this file; arguments: ADDRESS SECONDS QUESTION... With SECONDS above 0 the questions are asked over
and over by four threads for that long, and one line with the counts is printed.
"""

import json
import sys
import threading
import time

import openai


def ask(client: openai.OpenAI, question: str) -> dict[str, object]:
    """One answer and what its headers tell of the cache."""
    answer = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": question}], temperature=0
    )
    return {
        "text": answer.parse().choices[0].message.content,
        "cache": answer.headers.get("x-vsr-cache"),
        "tier": answer.headers.get("x-vsr-cache-tier"),
        "model": answer.headers.get("x-vsr-selected-model"),
    }


def load(address: str, seconds: float, questions: list[str]) -> dict[str, object]:
    """Counts of answers and failures, with the first failure's words."""
    counts: dict[str, object] = {"answers": 0, "failures": 0, "first_failure": None}
    lock, end = threading.Lock(), time.monotonic() + seconds

    def run() -> None:
        client = openai.OpenAI(base_url=address, api_key="unused", max_retries=0, timeout=30)
        number = 0
        while time.monotonic() < end:
            try:
                ask(client, questions[number % len(questions)])
                key = "answers"
            except openai.OpenAIError as error:
                key = "failures"
                counts["first_failure"] = counts["first_failure"] or f"{type(error).__name__}: {error}"
            number += 1
            with lock:
                counts[key] = int(str(counts[key])) + 1

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


if __name__ == "__main__":
    target, duration, asked = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    if duration > 0:
        print(json.dumps(load(target, duration, asked)))
    else:
        with openai.OpenAI(base_url=target, api_key="unused", max_retries=0, timeout=60) as single:
            for each in asked:
                print(json.dumps(ask(single, each)))
