"""However the service is started, its door is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.serving import INSTRUMENT, Serving, free_port, gunicorn, serving, uvicorn
from tests.service.server.raw_client import BODY, converse, head

HEALTH = head(line=b"GET /healthz HTTP/1.1")
OFFER = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")


def plain(port: int) -> tuple[str, ...]:
    return uvicorn(port)


def instrumented(port: int) -> tuple[str, ...]:
    return (*INSTRUMENT, *uvicorn(port))


def workers(port: int) -> tuple[str, ...]:
    return (*INSTRUMENT, *uvicorn(port, workers=2))


def h11(port: int) -> tuple[str, ...]:
    return (*uvicorn(port), "--http", "h11")


def with_gunicorn(port: int) -> tuple[str, ...]:
    return gunicorn(port, workers=1)


@pytest.mark.parametrize("command", [plain, instrumented, workers, h11, with_gunicorn])
def test_no_body_is_a_request_and_no_trailer_a_field(
    tmp_path: Path, command: Callable[[int], tuple[str, ...]]
) -> None:
    port = free_port()
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    with serving(command(port), port=port, home=tmp_path, environment=environment) as service:
        _offers_are_ignored(service, port)
        _trailers_count_for_nothing(service, port)
        endless = converse(port, [HEALTH[:-2] + b"X: ", *([b"a" * 100_000] * 20)], pause=0.001)
        assert endless.closed
        assert endless.statuses in ([431], [400])
        doubled = head(b"Authorization: a", b"Authorization: b", line=b"GET /admin HTTP/1.1")
        assert converse(port, [doubled]).statuses == [400]


def _offers_are_ignored(service: Serving, port: int) -> None:
    key = f"Authorization: Bearer {service.api_key}".encode()
    for body, status in ((BODY, 200), (HEALTH, 400)):
        length = b"Content-Length: %d" % len(body)
        first = head(key, b"Content-Type: application/json", *OFFER, length)
        for segments in ([first, body], [first + body]):
            assert converse(port, segments).statuses == [status]


def _trailers_count_for_nothing(service: Serving, port: int) -> None:
    key = f"Authorization: Bearer {service.api_key}\r\n".encode()
    first = head(b"Content-Type: application/json", b"Transfer-Encoding: chunked")
    chunks = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
    # A server may refuse such a trailer outright.
    assert converse(port, [first + chunks + key + b"\r\n"]).statuses in ([401], [400])
