"""A request that offers another protocol keeps its body, and its body is never a request."""

from __future__ import annotations

import pytest

from tests.service.running import RunningService
from tests.service.server.raw_client import BODY, converse, head

INNER = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
OFFERS = [
    (b"Connection: Upgrade", b"Upgrade: h2c"),
    (b"Connection: Upgrade", b"Upgrade: websocket"),
    (b"Connection: Upgrade", b"Upgrade: foo"),
    (b"Connection: upgrade, keep-alive", b"Upgrade: h2c, websocket"),
    (b"Connection: keep-alive", b"Connection: UPGRADE", b"UPGRADE: TLS/1.2"),
    (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    (b"HTTP2-Settings: AAMAAABk", b"Upgrade: foo", b"Connection: HTTP2-Settings, Upgrade"),
    (
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
]


def fields(service: RunningService, *more: bytes) -> tuple[bytes, ...]:
    key = f"Authorization: Bearer {service.key}".encode()
    return (key, b"Content-Type: application/json", *more)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: b" ".join(offer).decode()[:60])
@pytest.mark.parametrize("together", [True, False], ids=["one segment", "two segments"])
def test_a_chat_that_offers_another_protocol_is_answered(
    shared: RunningService, offer: tuple[bytes, ...], together: bool
) -> None:
    first = head(*fields(shared, *offer, b"Content-Length: %d" % len(BODY)))
    segments = [first + BODY] if together else [first, BODY]
    found = converse(shared.port, segments)
    assert found.statuses == [200]
    assert b"choices" in found.only.body
    assert not found.closed


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: b" ".join(offer).decode()[:60])
@pytest.mark.parametrize("together", [True, False], ids=["one segment", "two segments"])
def test_a_body_that_looks_like_a_request_is_a_body(
    shared: RunningService, offer: tuple[bytes, ...], together: bool
) -> None:
    first = head(*fields(shared, *offer, b"Content-Length: %d" % len(INNER)))
    segments = [first + INNER] if together else [first, INNER]
    found = converse(shared.port, segments)
    assert found.only.error["code"] == "invalid_json"


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: b" ".join(offer).decode()[:60])
def test_a_chunked_body_is_kept_in_any_segments(
    shared: RunningService, offer: tuple[bytes, ...]
) -> None:
    first = head(*fields(shared, *offer, b"Transfer-Encoding: chunked"))
    half = len(BODY) // 2
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:half], BODY[half:])]
    found = converse(shared.port, [first[:-1], first[-1:] + chunks[0], chunks[1], b"0\r\n\r\n"])
    assert found.statuses == [200]


def test_requests_before_and_after_an_offer_are_answered_in_order(shared: RunningService) -> None:
    offering = head(*fields(shared, *OFFERS[0], b"Content-Length: %d" % len(BODY))) + BODY
    found = converse(shared.port, [INNER + offering + INNER + offering], answers=4)
    assert found.statuses == [200] * 4
    assert [b"choices" in answer.body for answer in found.answers] == [False, True, False, True]


def test_no_address_of_operators_is_reached_through_a_body(shared: RunningService) -> None:
    inner = b"GET /admin/usage HTTP/1.1\r\nHost: localhost\r\n\r\n"
    first = head(*fields(shared, *OFFERS[0], b"Content-Length: %d" % len(inner)))
    found = converse(shared.port, [first, inner])
    assert found.statuses == [400]


def test_javas_http_client_is_answered(shared: RunningService) -> None:
    # As java.net.http.HttpClient writes a POST by default: it offers h2c with each first request.
    first = (
        b"POST /v1/chat/completions HTTP/1.1\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\n"
        b"Content-Length: %d\r\n"
        b"Host: localhost:%d\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
        b"Upgrade: h2c\r\n"
        b"User-Agent: Java-http-client/17.0.15\r\n"
        b"Authorization: Bearer %s\r\n"
        b"Content-Type: application/json\r\n\r\n"
    ) % (len(BODY), shared.port, shared.key.encode())
    for segments in ([first, BODY], [first + BODY]):
        assert converse(shared.port, segments).statuses == [200]


def test_an_offer_without_a_body_is_answered_as_if_there_were_none(shared: RunningService) -> None:
    line = b"GET /healthz HTTP/1.1"
    for offer in OFFERS:
        found = converse(shared.port, [head(*offer, line=line) + INNER], answers=2)
        assert found.statuses == [200, 200], offer


def test_an_offer_with_broken_framing_is_refused_like_any_other(shared: RunningService) -> None:
    both = (b"Content-Length: 5", b"Transfer-Encoding: chunked")
    found = converse(shared.port, [head(*fields(shared, *OFFERS[0], *both)), b"0\r\n\r\n" + INNER])
    assert found.only.error["code"] == "malformed_request"
    assert found.closed


def test_connect_is_refused(shared: RunningService) -> None:
    line = b"CONNECT localhost:80 HTTP/1.1"
    found = converse(shared.port, [head(line=line) + INNER])
    assert found.only.status == 405
    assert found.closed


def test_many_offers_in_one_segment_are_answered_in_turn_up_to_a_bound(
    shared: RunningService,
) -> None:
    offer = head(*OFFERS[0], line=b"GET /healthz HTTP/1.1")
    found = converse(shared.port, [offer * 90], answers=90)
    assert found.statuses == [200] * 90
    found = converse(shared.port, [offer * 3_000], answers=102)
    assert found.statuses[0] == 200
    assert found.answers[-1].error["code"] == "too_many_waiting"
    assert set(found.statuses[:-1]) == {200}
    assert found.closed
