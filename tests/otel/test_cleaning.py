"""What leaves the process is redacted, bounded, and without callers' text unless it is captured."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LogRecordLimits, ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from otel.bootstrap.cleaning import LONGEST_BODY, LONGEST_STATE, Cleaner
from otel.bootstrap.settings import BootstrapSettings
from otel.redaction import CUT, MASK
from otel.settings import Capture

SECRET = "sk-Zq8vT3mWx1Lr5Kp9"
WORD = "a caller's own words"
CAPTURING = Cleaner(Capture.SPAN_AND_EVENT)


def _server(**attributes: Any) -> ReadableSpan:
    named = {name.replace("_", "."): value for name, value in attributes.items()}
    return ReadableSpan("GET", attributes=named, kind=SpanKind.SERVER)


def _kept(span: ReadableSpan, cleaner: Cleaner | None = None) -> Mapping[str, Any]:
    return dict((cleaner or Cleaner()).span(span).attributes or {})


def _context(state: Mapping[str, str]) -> SpanContext:
    return SpanContext(1, 2, True, TraceFlags(1), TraceState(list(state.items())))


def _record(body: Any, **attributes: Any) -> ReadableLogRecord:
    record = LogRecord(body=body, attributes=attributes)
    return ReadableLogRecord(record, Resource.get_empty(), limits=LogRecordLimits())


@pytest.mark.parametrize(
    ("path", "route", "told"),
    [
        ("/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/models/my-words", "/v1/models/{model}", "/v1/models/{model}"),
        ("/my-words", None, "_OTHER"),
        ("/my-words/healthz", None, "_OTHER"),
        ("/v1/responses", None, "/v1/responses"),
    ],
)
def test_a_path_is_told_as_far_as_routes_and_vendors_name_it(
    path: str, route: str | None, told: str
) -> None:
    given = {"url_path": path} if route is None else {"url_path": path, "http_route": route}
    assert _kept(_server(**given))["url.path"] == told
    assert _kept(_server(**given), CAPTURING)["url.path"] == path


@pytest.mark.parametrize(
    "name",
    [
        *("url.query", "url.full", "http.target", "http.url", "http.host", "http.user_agent"),
        *("user_agent.original", "http.request.method_original", "net.host.name"),
        *("client.address", "network.peer.address", "net.peer.ip", "server.address"),
    ],
)
def test_what_callers_wrote_is_left_out_and_the_rest_stays(name: str) -> None:
    given = {"http.route": "/a", "http.request.method": "GET", name: WORD}
    span = ReadableSpan("GET /a", attributes=given, kind=SpanKind.SERVER)
    assert _kept(span) == {"http.route": "/a", "http.request.method": "GET"}
    assert _kept(span, CAPTURING) == given


def test_addresses_stay_and_so_do_the_names_an_operator_gave() -> None:
    cleaner = Cleaner(server_names=frozenset({"gateway.example"}))
    for host in ("127.0.0.1", "::1", "localhost", "gateway.example"):
        given = {"server_address": host, "server_port": 8080, "client_address": "10.0.0.7"}
        assert _kept(_server(**given), cleaner)["server.address"] == host
        assert _kept(_server(**given), cleaner)["client.address"] == "10.0.0.7"
    assert _kept(_server(server_address="other.example", server_port=8080), cleaner) == {}


def test_spans_of_other_kinds_keep_what_names_a_provider() -> None:
    given = {"server.address": "api.openai.com", "url.full": "https://api.openai.com/v1"}
    span = ReadableSpan("chat", attributes=given, kind=SpanKind.CLIENT)
    assert Cleaner().span(span) is span


def test_an_ordinary_span_is_the_very_same_object() -> None:
    span = _server(url_path="/a", http_route="/a", server_address="127.0.0.1", server_port=80)
    assert Cleaner().span(span) is span


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ({"ot": "th:c;rv:0123456789abcd"}, {"ot": "th:c;rv:0123456789abcd"}),
        ({"ot": "p:8;r:62", "vendor": "words"}, {"ot": "p:8;r:62"}),
        ({"ot": "th:c;rv:words;x:1;th:0123456789abcdef"}, {"ot": "th:c"}),
        ({"ot": "words"}, {}),
        ({"vendor": "words"}, {}),
    ],
)
def test_of_a_trace_state_the_numbers_of_samplers_stay(
    state: Mapping[str, str], kept: Mapping[str, str]
) -> None:
    span = ReadableSpan("GET", context=_context(state), links=(Link(_context(state)),))
    cleaned = Cleaner().span(span)
    assert cleaned.context is not None
    assert dict(cleaned.context.trace_state) == kept
    assert dict(cleaned.links[0].context.trace_state) == kept


def test_a_captured_trace_state_is_redacted_and_bounded() -> None:
    state = {"vendor": "words", "mine": SECRET, "token": "t0ken"}
    state |= {f"v{number}": "x" * 100 for number in range(20)}
    cleaned = CAPTURING.span(ReadableSpan("GET", context=_context(state)))
    assert cleaned.context is not None
    kept = dict(cleaned.context.trace_state)
    assert kept["vendor"] == "words"
    assert kept["token"] == MASK
    assert SECRET not in str(kept)
    assert 300 < len(cleaned.context.trace_state.to_header()) <= LONGEST_STATE + len(MASK)


def test_events_links_and_descriptions_are_redacted() -> None:
    said = f"no such key {SECRET}"
    span = ReadableSpan(
        "GET",
        events=(Event(said), Event("exception", {"exception.message": said})),
        links=(Link(_context({}), {"why": said}),),
        status=Status(StatusCode.ERROR, said),
    )
    cleaned = Cleaner().span(span)
    assert SECRET[3:] not in cleaned.to_json()
    assert [event.name for event in cleaned.events][1] == "exception"


def test_what_the_sdk_may_have_cut_is_redacted_as_what_is_cut_here() -> None:
    cleaner = Cleaner(limits=frozenset({40, 50}))
    for length in (40, 50, 60):
        text = ("x" * (length - 20) + " https://me:hunter22345")[:length]
        assert "hunter" not in cleaner.text(text)
        assert cleaner.text(text).startswith("xxx")
    assert cleaner.text("x" * 60) == "x" * 50 + CUT


def test_the_lengths_at_which_the_sdk_cuts_are_those_of_its_variables() -> None:
    assert BootstrapSettings.read({}).value_limits == {16_384}
    values = {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "100"}
    assert BootstrapSettings.read(values).value_limits == {100}
    values["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"] = "200"
    assert BootstrapSettings.read(values).value_limits == {100, 200}


def test_nested_values_are_redacted_wherever_they_hold_text() -> None:
    given = {
        "headers": [{"Authorization": "whatever", "name": SECRET}],
        SECRET: "as a key",
        "bytes": SECRET.encode(),
        "plain": [1, 2.5, True, None, b"\xff"],
    }
    cleaned = Cleaner().value(given)
    assert SECRET[3:] not in repr(cleaned)
    assert cleaned["headers"][0]["Authorization"] == MASK
    assert cleaned["plain"] is given["plain"]


def test_a_nested_value_without_credentials_is_the_very_same_object() -> None:
    given = {"a": [1, "two", {"three": (4, "five")}]}
    assert Cleaner().value(given) is given


def test_a_value_of_any_depth_is_cut() -> None:
    deep: Any = "the end"
    for _ in range(5000):
        deep = [deep, {"more": 1}]
    assert CUT in str(Cleaner().value(deep))
    assert "the end" not in str(Cleaner().value(deep))


def test_a_value_of_any_size_is_cut() -> None:
    nothing: list[Any] = []
    huge: tuple[Any, ...] = (
        ["x" * 100] * 100_000,
        [nothing] * 100_000,
        {str(number): number for number in range(100_000)},
    )
    for value in huge:
        cleaned = str(Cleaner().value(value))
        assert CUT in cleaned
        assert len(cleaned) < 200_000


def test_a_log_record_is_bounded_and_redacted() -> None:
    said = f"{'x' * 100} {SECRET} "
    cleaned = Cleaner().record(_record(said * 1000, mine=[said], other=5)).log_record
    assert isinstance(cleaned.body, str)
    assert len(cleaned.body) <= LONGEST_BODY + len(CUT)
    assert cleaned.body.endswith(CUT)
    assert SECRET[3:] not in repr(cleaned.body) + repr(cleaned.attributes)
    nested = Cleaner().record(_record({"deep": [said] * 1000})).log_record.body
    assert SECRET[3:] not in repr(nested)
    assert CUT in repr(nested)
