"""What cannot be read is refused after what could be, and takes no answer's place."""

from __future__ import annotations

import json
import socket

import pytest

from tests.service.running import RunningService, usage_records, wait_for
from tests.service.server.raw_client import BODY, converse, head

HEALTH = head(line=b"GET /healthz HTTP/1.1")
BROKEN = [
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    # What one server takes for a body and another does not.
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello",
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: repr(broken[:40]))
def test_what_is_no_request_is_refused_in_json_and_the_connection_closed(
    shared: RunningService, broken: bytes
) -> None:
    found = converse(shared.port, [broken])
    assert found.only.status == 400
    assert found.only.error["code"] == "malformed_request"
    assert found.only.headers["content-type"] == "application/json"
    assert found.closed


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: repr(broken[:40]))
def test_the_request_before_keeps_its_own_answer(shared: RunningService, broken: bytes) -> None:
    slow = json.dumps({"chunk_ms": 1, "latency_ms": 200}).encode()
    first = head(
        f"Authorization: Bearer {shared.key}".encode(),
        b"Content-Type: application/json",
        b"X-Gaugeway-Simulate: " + slow,
        b"Content-Length: %d" % len(BODY),
    )
    for segments in (
        [first + BODY + broken],
        [first + BODY, broken],
        [HEALTH + first + BODY, broken],
    ):
        before = 2 if segments[0].startswith(HEALTH) else 1
        found = converse(shared.port, segments, answers=before + 1)
        assert found.statuses == [200] * before + [400], segments
        assert b"choices" in found.answers[before - 1].body
        assert found.closed


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n",
        b"5\r\nhelloX\r\n",
        b"-1\r\n",
        b"0x5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5\nhello\n",
        b"fffffffffffffffff\r\n",
    ],
)
def test_a_body_with_broken_framing_is_refused_once(shared: RunningService, chunks: bytes) -> None:
    first = head(
        f"Authorization: Bearer {shared.key}".encode(),
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
    )
    for segments in ([first + chunks], [first, chunks], [HEALTH + first + chunks]):
        before = 1 if segments[0].startswith(HEALTH) else 0
        found = converse(shared.port, segments, answers=before + 1)
        assert found.statuses == [200] * before + [400]
        assert found.closed


def test_a_client_that_leaves_with_another_request_waiting_is_a_client_that_left(
    service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    body = BODY[:-1] + b',"stream":true}'
    first = head(
        f"Authorization: Bearer {service.key}".encode(),
        b"Content-Type: application/json",
        b'X-Gaugeway-Simulate: {"chunk_ms": 300}',
        b"Content-Length: %d" % len(body),
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as peer:
        peer.sendall(first + body + HEALTH)
        assert peer.recv(4096).startswith(b"HTTP/1.1 200")
    wait_for(lambda: usage_records(service.telemetry), "the stream to be over")
    [record] = usage_records(service.telemetry)
    assert record["gaugeway.outcome"] == "client_disconnect"
    assert "failed inside" not in caplog.text


def test_a_broken_request_behind_a_whole_one_and_one_without_end_ends_the_connection(
    shared: RunningService,
) -> None:
    unauthorised = head(b"Content-Length: 100")
    found = converse(shared.port, [HEALTH + unauthorised, b"x" * 10], answers=2)
    assert found.statuses == [200, 401]
