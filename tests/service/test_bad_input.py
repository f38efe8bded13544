"""Bad input is a 4xx in OpenAI's shape that says what is wrong; it is counted and never a 5xx."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel import names
from service.runtime import Parts
from tests.service.fake_providers import BrokenProvider
from tests.service.running import Reply, RunningService, running, settings_for

CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}
MESSAGE: dict[str, Any] = {"role": "user", "content": "hello"}
VALID: dict[str, Any] = {"model": "simulated", "messages": [MESSAGE]}


def raw(body: bytes) -> bytes:
    """A valid request with more fields, as bytes."""
    return json.dumps(VALID).encode()[:-1] + b", " + body + b"}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"not json", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (raw(b'"user": "\xff"'), "invalid_json"),
        (raw(b'"user": "\\ud800"'), "invalid_json"),
        (raw(b'"user": "\\u00"'), "invalid_json"),
        (raw(b'"temperature": NaN'), "invalid_json"),
        (raw(b'"temperature": Infinity'), "invalid_json"),
        (raw(b'"temperature": -Infinity'), "invalid_json"),
        (raw(b'"vendor": {"deep": [1e999]}'), "invalid_json"),
        (raw(b'"vendor": [-1e400]'), "invalid_json"),
        (raw(b'"seed": ' + b"9" * 5000), "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (raw(b'"x": ' + b"[" * 500 + b"]" * 500), "invalid_json"),
        (b"\xef\xbb\xbf" + json.dumps(VALID).encode(), "invalid_json"),
        (json.dumps(VALID).encode() + b"{}", "invalid_json"),
        (json.dumps(VALID).encode("utf-16"), "invalid_json"),
        (b"[]", "invalid_request"),
        (b"null", "invalid_request"),
        (b'"text"', "invalid_request"),
        (b"{}", "invalid_request"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(
    shared: RunningService, body: bytes, code: str
) -> None:
    reply = shared.request("POST", CHAT, body, JSON)
    assert reply.status == 400
    assert reply.error["code"] == code
    assert reply.error["type"] == "invalid_request_error"


WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model"),
    ({"model": 7}, "model"),
    ({"model": ""}, "model"),
    ({"model": "x" * 1000}, "model"),
    ({"messages": "hello"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": [None]}, "messages.0"),
    ({"messages": [{}]}, "messages.0.role"),
    ({"messages": [{"role": "emperor"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
    ({"messages": [MESSAGE, {"role": "user", "content": [5]}]}, "messages.1.content.0"),
    ({"stream": "yes"}, "stream"),
    ({"stream": 1}, "stream"),
    ({"stream_options": []}, "stream_options"),
    ({"stream_options": {"include_usage": "no"}}, "stream_options.include_usage"),
    ({"n": 0}, "n"),
    ({"n": 10**9}, "n"),
    ({"n": 1.5}, "n"),
    ({"n": True}, "n"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"max_tokens": 10**40}, "max_tokens"),
    ({"max_completion_tokens": "many"}, "max_completion_tokens"),
    ({"temperature": 2.1}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": 10**400}, "temperature"),
    ({"top_p": -0.1}, "top_p"),
    ({"stop": ["x", 1]}, "stop.1"),
    ({"seed": 2**70}, "seed"),
    ({"tools": {}}, "tools"),
    ({"logit_bias": {"1": 1000}}, "logit_bias.1"),
    ({"user": "x" * 10_000}, "user"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG_FIELDS)
def test_a_field_of_the_wrong_kind_is_named(
    shared: RunningService, fields: dict[str, Any], param: str
) -> None:
    reply = shared.post(CHAT, {**VALID, **fields})
    assert reply.status == 400, reply.body
    assert reply.error["param"] == param
    assert param in reply.error["message"]


@pytest.mark.parametrize(
    "value", ["", [], 5, None, {}, [[]], ["a", 1], [1.5], [-1], [[1, "a"]], [None], [True]]
)
def test_embeddings_take_texts_or_token_ids_and_nothing_else(
    shared: RunningService, value: object
) -> None:
    reply = shared.post("/v1/embeddings", {"model": "simulated-embedding", "input": value})
    assert reply.status == 400, reply.body
    assert reply.error["param"].startswith("input")


def test_whole_numbers_may_be_written_with_a_fraction_of_zero(shared: RunningService) -> None:
    reply = shared.request("POST", CHAT, raw(b'"n": 1.0, "max_tokens": 5.0'), JSON)
    assert reply.status == 200


def test_nul_and_other_control_characters_are_text_like_any_other(shared: RunningService) -> None:
    assert shared.chat("nul \x00 bell \x07 rtl \u202e emoji \U0001f600").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json; charset=utf-16"}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
        ({"content-type": "application/json; charset=UTF-8"}, 200),
        ({"content-type": "application/vnd.api+json"}, 200),
        ({}, 200),
    ],
)
def test_the_declared_type_decides(
    shared: RunningService, headers: dict[str, str], status: int
) -> None:
    reply = shared.request("POST", CHAT, json.dumps(VALID).encode(), headers)
    assert reply.status == status, reply.body


@pytest.mark.parametrize(
    ("authorization", "why"),
    [
        (None, "none"),
        ("", "empty"),
        ("Bearer", "no key"),
        ("Bearer ", "empty key"),
        ("Basic Zm9vOmJhcg==", "another scheme"),
        ("Bearer sk-something", "another format"),
        ("Bearer gw_ffffffffffff_" + "0" * 64, "unknown"),
        ("Bearer gw_é_é", "not ASCII"),
        ("Bearer gw__", "no parts"),
    ],
)
def test_without_a_known_key_it_is_401(
    shared: RunningService, authorization: str | None, why: str
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    reply = shared.request("POST", CHAT, b"{", {**JSON, **headers}, key=None)
    assert reply.status == 401, why
    assert reply.error["code"] == "invalid_api_key"
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("POST", "/v1/completions", 404),
        ("GET", "/v1/chat/completions/", 404),
        ("GET", "/%00%ff", 404),
        ("GET", "//v1/models", 404),
        ("GET", CHAT, 405),
        ("HEAD", CHAT, 405),
        ("OPTIONS", CHAT, 405),
        ("DELETE", "/v1/models", 405),
        ("PATCH", "/healthz", 405),
        ("TRACE", "/healthz", 405),
    ],
)
def test_unknown_places_and_methods_have_the_same_shape(
    shared: RunningService, method: str, path: str, status: int
) -> None:
    reply = shared.request(method, path)
    assert reply.status == status
    assert len(reply.headers["x-trace-id"]) == 32
    if status == 405:
        assert reply.headers["allow"]
    if method != "HEAD":
        assert reply.error["code"] in ("not_found", "method_not_allowed")


@pytest.mark.parametrize("value", ["", "soon", "-1", "0", "1.5", "1e3", "9" * 30, "١٢"])
def test_a_deadline_that_is_no_number_is_refused(shared: RunningService, value: str) -> None:
    reply = shared.chat(headers={"x-gaugeway-deadline-ms": value.encode().decode("latin-1")})
    assert reply.status == 400
    assert reply.error["code"] == "invalid_header"


@pytest.mark.parametrize("value", ["", "{", "[]", '{"status": "bad"}', '{"unknown": 1}'])
def test_a_simulate_header_that_is_no_wish_is_refused(shared: RunningService, value: str) -> None:
    reply = shared.chat(headers={"x-gaugeway-simulate": value})
    assert reply.status == 400
    assert reply.error["code"] == "invalid_simulate_header"


def test_a_body_over_the_limit_is_cut_off_by_its_declared_length(tmp_path: Path) -> None:
    with running(settings_for(tmp_path, "redis://127.0.0.1:1", max_body_bytes=2048)) as service:
        reply = service.chat("x" * 4000)
        assert reply.status == 413
        assert reply.error["code"] == "request_too_large"
        assert reply.headers["connection"] == "close"


def test_a_body_without_a_length_is_cut_off_while_it_is_read(tmp_path: Path) -> None:
    with running(settings_for(tmp_path, "redis://127.0.0.1:1", max_body_bytes=2048)) as service:
        answer = send_without_end(service, lambda: b"x" * 1000)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_arrive_is_408(tmp_path: Path) -> None:
    limits = settings_for(tmp_path, "redis://127.0.0.1:1", body_timeout_seconds=0.2)
    with (
        running(limits) as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection,
    ):
        connection.sendall(head(service, "content-length: 100") + b"{")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "request_timeout"' in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"BREW /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST " + CHAT.encode() + b" HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"POST " + CHAT.encode() + b" HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * 200_000 + b"\r\n\r\n",
        b"POST "
        + CHAT.encode()
        + b" HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_does_not_disturb_the_service(
    shared: RunningService, request_bytes: bytes
) -> None:
    answer = exchange(shared, request_bytes)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert shared.request("GET", "/healthz").status == 200


def test_refusals_are_counted_by_code_and_status(service: RunningService) -> None:
    service.request("POST", CHAT, b"{", JSON)
    service.post(CHAT, {**VALID, "model": "nobody"})
    service.post(CHAT, VALID, key="gw_a_b")
    service.request("GET", "/nowhere")
    service.request("DELETE", CHAT)
    counted = {
        (point.attributes["error.type"], point.attributes["http.response.status_code"]): point.value
        for point in service.telemetry.metrics()[names.REQUESTS_REJECTED.name]
    }
    assert counted == {
        ("invalid_json", 400): 1,
        ("model_not_found", 404): 1,
        ("invalid_api_key", 401): 1,
        ("not_found", 404): 1,
        ("method_not_allowed", 405): 1,
    }


def test_an_unexpected_error_is_a_500_that_shows_nothing(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenProvider("gw_0123456789ab_secretsecretsecret")
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, broken))
    with running(settings_for(tmp_path, redis_url), parts=parts) as service:
        for stream in (False, True):
            reply = service.chat(stream=stream)
            assert reply.status == 500
            assert reply.error["code"] == "internal_error"
            assert b"secretsecret" not in reply.body
            assert b"Traceback" not in reply.body
        spans = [span for span in service.telemetry.spans() if span.name == "chat simulated"]
        assert len(spans) == 2
        assert "secretsecret" not in repr([span.to_json() for span in spans])
    assert "Traceback" in caplog.text
    assert "secretsecret" not in caplog.text


_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_anything: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
_fields = st.sampled_from(
    ["model", "messages", "stream", "stream_options", "n", "max_tokens", "temperature", "input"]
) | st.sampled_from(["stop", "tools", "response_format", "user", "seed", "logit_bias", "x"])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.dictionaries(_fields, _anything, max_size=4),
    path=st.sampled_from([CHAT, "/v1/embeddings"]),
)
def test_whatever_is_in_a_body_the_answer_is_no_5xx(
    shared: RunningService, changes: dict[str, Any], path: str
) -> None:
    reply = shared.post(path, {**VALID, "input": "hello", **changes})
    assert_no_fault_of_ours(reply)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200))
def test_whatever_bytes_are_a_body_the_answer_is_no_5xx(
    shared: RunningService, body: bytes
) -> None:
    reply = shared.request("POST", CHAT, body, JSON)
    assert reply.status == 400
    assert reply.error


def assert_no_fault_of_ours(reply: Reply) -> None:
    assert reply.status < 500, reply.body
    if reply.status >= 400:
        assert reply.error["message"]


def head(service: RunningService, *lines: str) -> bytes:
    all_lines = [
        f"POST {CHAT} HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {service.key}",
        "content-type: application/json",
        *lines,
    ]
    return ("\r\n".join(all_lines) + "\r\n\r\n").encode()


def exchange(service: RunningService, sent: bytes) -> bytes:
    """Send bytes and read until the service closes or falls silent."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def send_without_end(service: RunningService, part: Callable[[], bytes]) -> bytes:
    """Send chunks until the service answers."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=0.02) as connection:
        connection.sendall(head(service, "transfer-encoding: chunked"))
        for _ in range(500):
            text = part()
            connection.sendall(f"{len(text):x}\r\n".encode() + text + b"\r\n")
            try:
                return connection.recv(65536)
            except TimeoutError:
                continue
    raise AssertionError("500 chunks were taken")


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65536):
        received += part
    return received
