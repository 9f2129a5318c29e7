"""Spans and trace context, without a network."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from semantic_router_proxy.config.server import TracingConfig
from semantic_router_proxy.server.tracing import CLIENT, Span, Tracer, child

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def tracer(**settings: Any) -> Tracer:
    config = TracingConfig.model_validate({"endpoint": "http://collector:4318", **settings})
    return Tracer(config, CollectorRegistry())


def begun(headers: dict[str, str], **settings: Any) -> Span | None:
    return tracer(**settings).begin(headers, "POST /v1/messages")


def test_a_span_continues_the_callers_trace() -> None:
    span = begun({"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert span is not None
    assert span.trace_id == TRACE
    assert span.span_id != PARENT
    assert span.traceparent == f"00-{TRACE}-{span.span_id}-01"


def test_a_caller_that_does_not_sample_is_followed() -> None:
    assert begun({"traceparent": f"00-{TRACE}-{PARENT}-00"}) is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
    ],
)
def test_anything_else_begins_a_trace_of_its_own(header: str) -> None:
    span = begun({"traceparent": header})
    assert span is not None
    assert len(span.trace_id) == 32
    assert span.trace_id != TRACE


def test_only_a_share_is_traced_where_the_caller_has_not_decided() -> None:
    assert begun({}, sample_ratio=0) is None
    assert begun({"traceparent": f"00-{TRACE}-{PARENT}-01"}, sample_ratio=0) is not None
    assert begun({}, endpoint=None) is None


def test_children_know_their_parents_and_failures() -> None:
    own = tracer()
    span = own.begin({}, "POST /v1/messages")
    assert span is not None

    def fail() -> None:
        with child(span, "ask", CLIENT) as call:
            assert call is not None
            call.attributes |= {"text": "a", "count": 1, "ratio": 0.5, "yes": True}
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail()
    (told,) = own._waiting
    assert told["parentSpanId"] == span.span_id
    assert told["status"] == {"code": 2}
    assert int(told["endTimeUnixNano"]) >= int(told["startTimeUnixNano"])
    values = [attribute["value"] for attribute in told["attributes"]]
    assert values == [{"stringValue": "a"}, {"intValue": "1"}, {"doubleValue": 0.5}, {"boolValue": True}]
    with child(None, "nothing") as nothing:
        assert nothing is None


def test_what_waits_is_bounded() -> None:
    own = tracer()
    for _ in range(5000):
        own.keep({})
    assert len(own._waiting) == 4096
