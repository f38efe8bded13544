"""What a head may be: bounded, each deciding field once, and never in a trailer."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel import names
from tests.service.running import RunningService, running, settings_for
from tests.service.server.raw_client import BODY, Conversation, converse, head

HEALTH = b"GET /healthz HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)


def key(service: RunningService) -> bytes:
    return f"Authorization: Bearer {service.key}".encode()


def chat(service: RunningService, fields: list[bytes], trailers: list[bytes]) -> Conversation:
    end = b"".join(trailer + b"\r\n" for trailer in trailers) + b"\r\n"
    first = head(b"Content-Type: application/json", CHUNKED, *fields)
    return converse(service.port, [first + CHUNKS + end])


def test_a_trailer_authenticates_nobody(shared: RunningService) -> None:
    found = chat(shared, [], [key(shared)])
    assert found.only.status == 401


@pytest.mark.parametrize(
    "trailer",
    [
        b"Authorization: Bearer gw_a_b",
        b"X-Gaugeway-Deadline-Ms: nonsense",
        b"Content-Type: text/plain",
        b"Content-Encoding: gzip",
        b"X-Forwarded-For: 203.0.113.9",
        b"Connection: close",
        b"Host: elsewhere",
    ],
)
def test_a_trailer_changes_nothing(shared: RunningService, trailer: bytes) -> None:
    found = chat(shared, [key(shared)], [trailer])
    assert found.only.status == 200


@pytest.mark.parametrize("trailer", [b"Connection: close", b"CONNECTION: Close"])
@pytest.mark.parametrize("together", [True, False])
def test_a_trailer_leaves_no_connection_without_an_answer(
    shared: RunningService, trailer: bytes, together: bool
) -> None:
    first = head(CHUNKED, line=b"POST /nowhere HTTP/1.1") + b"0\r\n" + trailer + b"\r\n\r\n"
    second = head(line=HEALTH)
    segments = [first + second] if together else [first, second]
    found = converse(shared.port, segments, quiet=2)
    assert found.statuses in ([404], [404, 200])
    assert found.closed or len(found.answers) == 2


def test_trailers_are_as_many_as_fields_may_be(shared: RunningService) -> None:
    assert chat(shared, [key(shared)], [b"A: b"] * 200).only.status == 200
    assert chat(shared, [key(shared)], [b"A: b"] * 201).only.status == 431


def test_trailers_that_come_with_the_body_are_bounded_too(shared: RunningService) -> None:
    assert chat(shared, [key(shared)], [b"A: " + b"b" * 60_000]).only.status == 200
    assert (
        chat(shared, [key(shared)], [b"A: " + b"b" * 60_000, b"B: " + b"c" * 6_000]).only.status
        == 431
    )


@pytest.mark.parametrize("parts", [1, 2, 200])
def test_trailers_are_bounded_in_size_however_they_come(shared: RunningService, parts: int) -> None:
    long = b"A: " + b"b" * 70_000
    size = len(long) // parts
    segments = [long[start : start + size] for start in range(0, len(long), size)]
    first = head(b"Content-Type: application/json", CHUNKED, key(shared)) + CHUNKS
    found = converse(shared.port, [first, *segments, b"\r\n\r\n"], pause=0.001)
    assert found.only.status == 431
    assert found.closed


def test_what_stands_beside_a_chunks_size_is_bounded(shared: RunningService) -> None:
    first = head(b"Content-Type: application/json", CHUNKED, key(shared)) + b"5;"
    found = converse(shared.port, [first, *([b"x" * 10_000] * 8)], pause=0.001)
    assert found.only.status == 431
    assert found.closed


@pytest.mark.parametrize("name", [b"X-A: ", b"Cookie: ", b"Authorization: Bearer ", b"X"])
@pytest.mark.parametrize("finished", [True, False], ids=["finished", "without end"])
def test_a_head_beyond_64_kib_is_refused(
    shared: RunningService, name: bytes, finished: bool
) -> None:
    end = b": a\r\n\r\n" if name == b"X" else b"\r\n\r\n"
    long = HEALTH + b"\r\nHost: x\r\n" + name + b"a" * 70_000 + (end if finished else b"")
    for size in (len(long), 9_000):
        segments = [long[start : start + size] for start in range(0, len(long), size)]
        found = converse(shared.port, segments, pause=0.001)
        assert found.only.status == 431
        assert found.only.error["code"] == "headers_too_large"
        assert found.closed


def test_a_target_counts_as_part_of_the_head(shared: RunningService) -> None:
    found = converse(shared.port, [head(line=b"GET /" + b"a" * 70_000 + b" HTTP/1.1")])
    assert found.only.status == 431


def test_a_head_just_within_64_kib_is_taken(shared: RunningService) -> None:
    room = 64 * 1024 - len("/healthz" + "host" + "localhost" + "x-a") - 8
    within = head(b"X-A: " + b"a" * room, line=HEALTH)
    assert converse(shared.port, [within]).only.status == 200
    beyond = head(b"X-A: " + b"a" * (room + 1), line=HEALTH)
    assert converse(shared.port, [beyond]).only.status == 431


def test_200_fields_are_taken_and_201_are_not(shared: RunningService) -> None:
    within = head(*[b"X-%d: a" % number for number in range(199)], line=HEALTH)
    assert converse(shared.port, [within]).only.status == 200
    beyond = head(*[b"X-%d: a" % number for number in range(200)], line=HEALTH)
    assert converse(shared.port, [beyond]).only.status == 431


def test_a_large_body_before_it_does_not_count_against_a_head(shared: RunningService) -> None:
    padded = BODY + b" " * 200_000
    first = head(
        b"Content-Type: application/json", key(shared), b"Content-Length: %d" % len(padded)
    )
    second = head(line=HEALTH)
    segments = [first + padded + second[:20], second[20:]]
    assert converse(shared.port, segments, answers=2).statuses == [200, 200]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"POST /v1/chat/completions HTTP/1.1", b"Authorization"),
        (b"GET /v1/models HTTP/1.1", b"authorization"),
        (b"GET /admin/usage HTTP/1.1", b"AUTHORIZATION"),
        (b"GET /admin HTTP/1.1", b"Authorization"),
        (b"GET /metrics HTTP/1.1", b"Authorization"),
        (b"GET /readyz HTTP/1.1", b"Authorization"),
        (b"GET /nowhere HTTP/1.1", b"Authorization"),
        (b"POST /v1/chat/completions HTTP/1.1", b"Content-Type"),
        (b"POST /v1/chat/completions HTTP/1.1", b"X-Gaugeway-Deadline-Ms"),
        (b"POST /v1/chat/completions HTTP/1.1", b"X-Gaugeway-Component"),
        (b"GET /admin HTTP/1.1", b"Host"),
    ],
)
def test_a_field_that_decides_is_sent_once_at_every_door(
    shared: RunningService, line: bytes, field: bytes
) -> None:
    doubled = (field + b": " + shared.key.encode(), field.lower() + b": other")
    found = converse(shared.port, [head(*doubled, line=line)])
    assert found.only.status == 400
    assert found.only.error["code"] == "doubled_header"
    assert field.decode().lower() in found.only.error["message"]
    assert shared.key not in found.only.body.decode()


def test_a_list_may_be_sent_in_several_fields(shared: RunningService) -> None:
    fields = (key(shared), b"Content-Type: application/json", b"Content-Length: %d" % len(BODY))
    directives = (b"Cache-Control: max-age=60", b"Cache-Control: no-store")
    for _ in range(2):
        found = converse(shared.port, [head(*fields, *directives) + BODY])
        assert found.only.status == 200
        assert found.only.headers["x-gaugeway-cache"] == "bypass"


def test_what_is_refused_before_it_is_a_request_is_counted(tmp_path: Path, redis_url: str) -> None:
    with running(settings_for(tmp_path, redis_url)) as service:
        converse(service.port, [b"nonsense\r\n\r\n"])
        converse(service.port, [head(b"X: " + b"a" * 70_000, line=HEALTH)])
        for kind, status in (("malformed_request", 400), ("headers_too_large", 431)):
            rejected = service.telemetry.value(
                names.REQUESTS_REJECTED, error_type=kind, http_response_status_code=status
            )
            assert rejected == 1
