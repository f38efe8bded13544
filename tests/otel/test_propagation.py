"""Trace context and baggage are read from headers of a bearable size; none is quoted."""

import io
import logging

from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator

from otel.bootstrap.propagation import LONGEST_HEADER, BoundedPropagator, bound_propagation
from otel.bootstrap.quiet import QuietHandler

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
PROPAGATOR = BoundedPropagator(propagate.get_global_textmap())


def _read(**headers: str) -> Context:
    return PROPAGATOR.extract(headers, Context())


def _state(context: Context) -> dict[str, str]:
    return dict(trace.get_current_span(context).get_span_context().trace_state)


def test_what_a_caller_sends_is_read_as_before() -> None:
    context = _read(traceparent=PARENT, tracestate="a=1 , b=x  y", baggage="user=me , k = v;p=1")
    found = trace.get_current_span(context).get_span_context()
    assert format(found.trace_id, "032x") == TRACE
    assert _state(context) == {"a": "1", "b": "x  y"}
    assert baggage.get_baggage("user", context) == "me"
    assert "k" in baggage.get_all(context)


def test_a_header_that_is_too_long_is_not_there() -> None:
    context = _read(
        traceparent=PARENT,
        tracestate="a=" + "1" * LONGEST_HEADER,
        baggage="a=" + " " * LONGEST_HEADER + "b",
    )
    assert trace.get_current_span(context).get_span_context().is_valid
    assert _state(context) == {}
    assert baggage.get_all(context) == {}


def test_what_is_sent_on_is_what_the_other_propagator_sends() -> None:
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier, _read(traceparent=PARENT, baggage="user=me"))
    assert carrier == {"traceparent": PARENT, "baggage": "user=me"}
    assert {"traceparent", "baggage"} <= PROPAGATOR.fields


def test_the_processes_propagator_is_bounded_once() -> None:
    before = propagate.get_global_textmap()
    try:
        propagate.set_global_textmap(CompositePropagator([]))
        bound_propagation()
        bounded = propagate.get_global_textmap()
        bound_propagation()
        assert propagate.get_global_textmap() is bounded
        assert isinstance(bounded, BoundedPropagator)
    finally:
        propagate.set_global_textmap(before)


def test_what_is_wrong_with_a_callers_header_is_said_without_the_header() -> None:
    written = io.StringIO()
    quiet = QuietHandler(logging.StreamHandler(written))
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(quiet)
    try:
        _read(traceparent=PARENT, tracestate="my words", baggage="my words")
        logging.getLogger("opentelemetry.exporter").warning("Sending failed: %s", "refused")
    finally:
        logger.removeHandler(quiet)
    lines = written.getvalue().splitlines()
    assert lines == [
        "Member doesn't match the w3c identifiers format …",
        "Baggage list-member `…` doesn't match the format",
        "Sending failed: refused",
    ]
