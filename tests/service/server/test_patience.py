"""How long a connection is waited for."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator

import pytest

from tests.service.running import RunningService, running, settings_for
from tests.service.server.raw_client import BODY, converse, head

HEALTH = head(line=b"GET /healthz HTTP/1.1")


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Generator[RunningService]:
    """A service that waits for a second where others wait for thirty."""
    settings = settings_for(
        tmp_path_factory.mktemp("hasty"),
        redis_url,
        head_timeout_seconds=1,
        body_timeout_seconds=1,
        keep_alive_seconds=2,
    )
    with running(settings) as service:
        yield service


def test_a_head_that_never_ends_is_refused_however_steadily_it_comes(hasty: RunningService) -> None:
    began = time.monotonic()
    drops = [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *([b"X: y\r\n"] * 60)]
    found = converse(hasty.port, drops, pause=0.05)
    assert found.only.status == 408
    assert found.only.error["code"] == "request_head_timeout"
    assert found.closed
    assert time.monotonic() - began < 8


def test_a_head_that_stops_is_refused(hasty: RunningService) -> None:
    found = converse(hasty.port, [b"POST /v1/chat"])
    assert found.only.status == 408
    assert found.closed


def test_the_head_of_a_second_request_is_timed_from_its_own_first_byte(
    hasty: RunningService,
) -> None:
    found = converse(hasty.port, [HEALTH, HEALTH[:10]], answers=2, pause=0.7)
    assert found.statuses == [200, 408]


@pytest.mark.parametrize("together", [True, False])
def test_a_body_that_stops_is_refused(hasty: RunningService, together: bool) -> None:
    fields = (f"Authorization: Bearer {hasty.key}".encode(), b"Content-Type: application/json")
    first = head(*fields, b"Content-Length: 100")
    found = converse(hasty.port, [first + b"{" if together else first])
    assert found.only.status == 408
    assert found.only.error["code"] == "request_timeout"
    assert found.closed


def test_a_body_that_comes_slowly_but_steadily_is_taken(hasty: RunningService) -> None:
    fields = (f"Authorization: Bearer {hasty.key}".encode(), b"Content-Type: application/json")
    first = head(*fields, b"Content-Length: %d" % len(BODY))
    size = len(BODY) // 5 + 1
    parts = [BODY[start : start + size] for start in range(0, len(BODY), size)]
    found = converse(hasty.port, [first, *parts], pause=0.5)
    assert found.only.status == 200


@pytest.mark.parametrize(
    "line",
    [
        b"POST /v1/chat/completions HTTP/1.1",
        b"POST /admin/login HTTP/1.1",
        b"GET /healthz HTTP/1.1",
        b"POST /nowhere HTTP/1.1",
    ],
)
def test_a_body_that_nobody_waits_for_holds_no_connection(
    hasty: RunningService, line: bytes
) -> None:
    found = converse(hasty.port, [head(b"Content-Length: 100", line=line), b"x"], quiet=6)
    assert len(found.answers) == 1
    assert found.closed


def test_an_idle_connection_ends_after_the_time_that_is_set_and_not_before(
    hasty: RunningService,
) -> None:
    found = converse(hasty.port, [HEALTH, HEALTH], answers=2, pause=1.5, quiet=5)
    assert found.statuses == [200, 200]
    assert found.closed


def test_a_connection_that_says_nothing_ends(hasty: RunningService) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=8) as peer:
        assert peer.recv(1) == b""


def test_connections_are_kept_for_75_seconds_by_default(shared: RunningService) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as peer:
        peer.sendall(HEALTH)
        assert peer.recv(4096).startswith(b"HTTP/1.1 200")
        connections = tuple(shared.server.server_state.connections)
        kept = {getattr(connection, "timeout_keep_alive", None) for connection in connections}
        assert kept == {75.0}
