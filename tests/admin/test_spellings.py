"""Every spelling of an operators' address is refused alike, asked for over a bare socket."""

from __future__ import annotations

import socket
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from service.access.paths import is_guarded, is_page
from service.api.admin.access import AdminGuard
from tests.admin.operator import OperatedService

SPELLINGS = [
    "/admin/usage",
    "/admin/latency",
    "/admin/history",
    "/admin/budgets",
    "/admin/metrics",
    "/admin/logout",
    "/api/metrics",
    "/admin//usage",
    "//admin/usage",
    "/admin/usage/",
    "/ADMIN/usage",
    "/Admin/Usage",
    "/admin/%75sage",
    "/%61dmin/usage",
    "/%2561dmin/usage",
    "/%25252561dmin/usage",
    "/admin%2Fusage",
    "/admin%252fusage",
    "/admin/./usage",
    "/./admin/usage",
    "/x/../admin/usage",
    "/x/%2e%2e/admin/usage",
    "/x%2f..%2fadmin/usage",
    "/admin/../admin/usage",
    "/admin/../v1/models",
    "/admin/usage/..",
    "/admin\\usage",
    "/admin%5Cusage",
    "/admin;a=b/usage",
    "/admin/usage;a=b",
    "/admin/usage?period=today",
    "/admin/usage%3Fperiod=today",
    "/admin/usage%00",
    "/admin%00/usage",
    "/admin%20/usage",
    "/admin%09/usage",
    "/%E2%80%8Badmin/usage",
    "/%EF%BD%81dmin/usage",
    "/admin/login/",
    "/admin//login",
    "/admin/login/x",
    "/admin/%6cogin/",
    "/admin/nothing/here",
    "/admin/static/x",
    "/API/metrics",
    "/api//metrics",
    "/api/metrics/",
    "/api/%6detrics",
    "/api/./metrics",
    "/x/../api/metrics",
    "http://127.0.0.1/admin/usage",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


def exchange(service: OperatedService, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; the status, and everything that came back."""
    with socket.create_connection(("127.0.0.1", service.running.port), timeout=20) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65536):
            received += part
    return int(received.split(b" ", 2)[1]), received


def ask(
    service: OperatedService, target: str, key: str | None, method: str = "GET"
) -> tuple[int, bytes]:
    """Send one request line exactly as it is written here."""
    lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1", "connection: close"]
    if key is not None:
        lines.append(f"authorization: Bearer {key}")
    return exchange(service, ("\r\n".join(lines) + "\r\n\r\n").encode())


@pytest.mark.parametrize("target", SPELLINGS)
def test_every_spelling_is_refused_without_a_key_and_with_one_of_an_app(
    shared: OperatedService, target: str
) -> None:
    status, answer = ask(shared, target, None)
    assert status == 401, answer
    assert b"www-authenticate: Bearer" in answer
    for key in (shared.app, "gw_0123456789ab_" + "0" * 64, "nonsense"):
        status, answer = ask(shared, target, key)
        assert status == (403 if key == shared.app else 401), (key, answer)
        assert b"cost_usd" not in answer
        assert b"gaugeway_" not in answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["/admin/usage", "/admin/nothing", "/ADMIN//x", "/api/metrics"])
def test_no_method_tells_a_stranger_more(shared: OperatedService, method: str, target: str) -> None:
    assert ask(shared, target, None, method)[0] == 401
    assert ask(shared, target, shared.app, method)[0] == 403


def test_what_exists_and_what_does_not_look_the_same_to_strangers(shared: OperatedService) -> None:
    known, unknown = (shared.get(path, key=None) for path in ("/admin/usage", "/admin/unknown"))
    assert {**known.error, "trace_id": ""} == {**unknown.error, "trace_id": ""}
    ignored = {"date", "x-trace-id"}
    assert {k: v for k, v in known.headers.items() if k not in ignored} == {
        k: v for k, v in unknown.headers.items() if k not in ignored
    }


@pytest.mark.parametrize("target", SPELLINGS)
def test_an_operator_is_served_or_told_that_there_is_nothing(
    shared: OperatedService, target: str
) -> None:
    status, answer = ask(shared, target, shared.admin)
    assert status in (200, 303, 404, 405), answer


@pytest.mark.parametrize(
    ("path", "status"),
    [("/gw/healthz", 200), ("/gw/admin/usage", 401), ("/admin/usage", 401), ("/gw/ADMIN//x", 401)],
)
async def test_a_service_below_a_prefix_of_its_server_is_guarded_there_too(
    shared: OperatedService, path: str, status: int
) -> None:
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "root_path": "/gw",
        "path": path,
        "query_string": b"",
        "headers": [],
        "client": None,
        "app": shared.running.app,
    }
    answered: list[int] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    await AdminGuard(application)(scope, receive, send)
    assert answered == [status]


def test_a_request_in_two_minds_about_its_key_is_refused(shared: OperatedService) -> None:
    """Of two `Authorization` headers neither may let in what the other would not."""
    request = (
        "GET /admin/usage HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        f"authorization: Bearer {shared.app}\r\nauthorization: Bearer {shared.admin}\r\n\r\n"
    )
    assert exchange(shared, request.encode())[0] == 400


@pytest.mark.parametrize(
    "path", ["/", "/v1/models", "/admins", "/administrator/x", "/api/health", "/api/metricsx", "/m"]
)
def test_other_addresses_are_not_touched(path: str) -> None:
    assert not is_guarded(path)


def test_a_path_that_climbs_is_guarded_where_it_could_come_to_an_operators_address() -> None:
    assert is_guarded("/../admin/admin/../;p/..")
    assert is_guarded("/x/../admin")
    assert is_guarded("/api/x/../metrics")
    assert not is_guarded("/v1/../v1/models")


def test_a_path_that_begins_with_a_backslash_or_never_ends_decoding_is_guarded() -> None:
    assert is_guarded("\\admin\\usage")
    assert is_guarded("/%" + "25" * 20 + "61dmin")


_PARTS = ["admin", "ADMIN", "%61dmin", "x", "..", ".", "", "usage", "%2e%2e", ";p", "login"]
_ODD = st.lists(
    st.tuples(st.sampled_from(["/", "//", "\\", "%2f"]), st.sampled_from(_PARTS)), max_size=8
).map(lambda pieces: "".join(separator + part for separator, part in pieces))


@given(_ODD)
def test_whatever_a_tidying_proxy_would_make_an_operators_path_is_one(path: str) -> None:
    tidied: list[str] = []
    for part in unquote(path).replace("\\", "/").lower().split("/"):
        if part == "..":
            del tidied[-1:]
        elif part not in ("", "."):
            tidied.append(part)
    if tidied[:1] == ["admin"]:
        assert is_guarded(path)


def test_pages_are_what_people_open() -> None:
    assert all(
        is_page(path) for path in ("/admin", "/admin/", "/admin/monitoring", "/ADMIN//traces/1")
    )
    assert not any(is_page(path) for path in ("/admin/usage", "/api/metrics", "/v1/models"))
