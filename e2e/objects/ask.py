"""Runs inside the client's pod: asks by the openai package and prints one JSON line an answer.

Standard input is this file; arguments: ADDRESS MODE QUESTION... With the MODE `once` each question is asked in turn,
with `stream` all at once: "begun" is printed for the first piece of each answer, and a JSON line for each at the end.
With a path they are asked over and over by four threads until that file is there, and one line of counts is printed.
"""

import json
import pathlib
import sys
import threading
import time

import openai

# Of a test that was stopped before it ended its load.
LONGEST_SECONDS = 3000


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


def load(address: str, flag: pathlib.Path, questions: list[str]) -> dict[str, object]:
    """Counts of answers and failures, with the first failure's words."""
    counts: dict[str, object] = {"answers": 0, "failures": 0, "first_failure": None}
    lock, end = threading.Lock(), time.monotonic() + LONGEST_SECONDS

    def run() -> None:
        client = openai.OpenAI(base_url=address, api_key="unused", max_retries=0, timeout=30)
        number = 0
        while time.monotonic() < end and not flag.exists():
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


def stream(address: str, questions: list[str]) -> list[dict[str, object]]:
    """What came of each streamed answer; `failure` is None for one that came whole."""
    client = openai.OpenAI(base_url=address, api_key="unused", max_retries=0, timeout=120)
    results: list[dict[str, object]] = [{} for _ in questions]

    def run(number: int) -> None:
        text, finish, failure, begun = "", None, None, False
        try:
            for part in client.chat.completions.create(
                model="auto", messages=[{"role": "user", "content": questions[number]}], temperature=0, stream=True
            ):
                if not begun:
                    print("begun", flush=True)
                    begun = True
                for choice in part.choices:
                    text += choice.delta.content or ""
                    finish = choice.finish_reason or finish
        except openai.OpenAIError as error:
            failure = f"{type(error).__name__}: {error}"
        results[number] = {"text": text, "finish": finish, "failure": failure}

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


if __name__ == "__main__":
    target, mode, asked = sys.argv[1], sys.argv[2], sys.argv[3:]
    if mode == "stream":
        for each in stream(target, asked):
            print(json.dumps(each))
    elif mode != "once":
        print(json.dumps(load(target, pathlib.Path(mode), asked)))
    else:
        with openai.OpenAI(base_url=target, api_key="unused", max_retries=0, timeout=60) as single:
            for question in asked:
                print(json.dumps(ask(single, question)))
