"""Server-sent events (WHATWG HTML, section 9.2): cutting a byte stream into events, and reading their data."""

from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"


class EventSplitter:
    """Cuts chunks of a stream into whole events, each with the empty line that ends it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the events that the chunk completes."""
        data = self._rest + chunk
        if b"\r" in data:
            # A lone CR at the end may be half of a CRLF: it waits for the next chunk.
            held = data.endswith(b"\r")
            data = (data[:-1] if held else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            *events, rest = data.split(b"\n\n")
            self._rest = rest + (b"\r" if held else b"")
        else:
            *events, self._rest = data.split(b"\n\n")
        return [event + b"\n\n" for event in events if event.strip(b"\n")]

    def finish(self) -> list[bytes]:
        """Return what stands at the end without an empty line; some servers leave it out."""
        rest, self._rest = self._rest.strip(b"\r\n"), b""
        return [rest + b"\n\n"] if rest else []


def data_of(event: bytes) -> bytes:
    """Return an event's data; empty for a comment."""
    if event.startswith(b"data: ") and event.count(b"\n") == 2:
        return event[6:-2]
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines)


def json_of(event: bytes) -> dict[str, Any] | None:
    """Return the JSON object that an event carries, None where it carries something else."""
    data = data_of(event)
    if not data.startswith(b"{"):
        return None
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def encode(data: object) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"
