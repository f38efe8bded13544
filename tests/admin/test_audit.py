"""Every act of an operator is written down, by key and route, and no secret with it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from service.access.audit import REFUSALS_A_MINUTE, Act, AuditLog
from service.keys import Caller
from tests.admin.operator import Browser, OperatedService, token_in
from tests.service.running import wait_for

ACT = Act("GET", "/admin/usage", "0" * 32, "192.0.2.1")


def acts(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The attributes of each record of the operators' log."""
    return [vars(record) for record in caplog.records if record.name == "gaugeway.admin"]


def last(caplog: pytest.LogCaptureFixture, count: int) -> dict[str, Any]:
    """The record of that number, which is written after the answer has gone out."""
    wait_for(lambda: len(acts(caplog)) >= count, f"{count} records")
    assert len(acts(caplog)) == count
    return acts(caplog)[-1]


def test_what_an_operator_asks_is_written_down_by_key_and_route(
    shared: OperatedService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gaugeway.admin")
    reply = shared.get("/admin/usage?period=week&note=private-words")
    record = last(caplog, 1)
    assert record["gaugeway.admin.action"] == "request"
    assert record["gaugeway.admin.key_id"] == shared.admin.split("_")[1]
    assert record["gaugeway.app"] == "operations"
    assert record["http.route"] == "/admin/usage"
    assert record["http.request.method"] == "GET"
    assert record["http.response.status_code"] == 200
    assert record["client.address"] == "127.0.0.1"
    assert reply.headers["x-trace-id"] in record["message"]
    shared.get("/admin/no/such/private-words")
    assert last(caplog, 2)["http.route"] == "_OTHER"
    assert "private-words" not in caplog.text
    assert shared.admin.split("_")[2] not in caplog.text


def test_who_is_refused_is_written_down(
    shared: OperatedService, caplog: pytest.LogCaptureFixture
) -> None:
    shared.get("/admin/usage", key=None)
    assert last(caplog, 1)["http.response.status_code"] == 401
    shared.get("/admin/usage", key=shared.app)
    record = last(caplog, 2)
    assert record["http.response.status_code"] == 403
    assert record["gaugeway.admin.key_id"] == shared.app.split("_")[1]
    assert record["levelname"] == "WARNING"


@pytest.mark.parametrize(
    ("forwarded", "written"),
    [("192.0.2.9", "192.0.2.9"), ("2001:DB8::1", "2001:db8::1"), ("A" * 3_000, "unknown")],
)
def test_what_a_proxy_passes_on_is_written_down_where_it_is_an_address(
    shared: OperatedService, caplog: pytest.LogCaptureFixture, forwarded: str, written: str
) -> None:
    Browser(shared, {"x-forwarded-for": forwarded}).open("/admin/usage")
    assert last(caplog, 1)["client.address"] == written


def test_logging_in_and_out_and_failing_to_is_written_down(
    service: OperatedService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gaugeway.admin")
    browser = Browser(service)
    browser.log_in("gw_0123456789ab_" + "5ec4e7" * 10)
    record = last(caplog, 1)
    assert (record["gaugeway.admin.action"], record["http.response.status_code"]) == ("login", 401)
    browser.log_in(service.app)
    assert last(caplog, 2)["gaugeway.admin.key_id"] == service.app.split("_")[1]
    browser.log_in(service.admin)
    record = last(caplog, 3)
    assert record["gaugeway.admin.key_id"] == service.admin.split("_")[1]
    assert "Logged in" in record["message"]
    page = browser.open("/admin/monitoring")
    assert last(caplog, 4)["http.route"] == "/admin/monitoring"
    browser.send("/admin/logout", {"csrf_token": token_in(page)})
    wait_for(lambda: len(acts(caplog)) == 6, "the end of the session")
    assert "logout" in {record["gaugeway.admin.action"] for record in acts(caplog)}
    assert "5ec4e7" not in caplog.text
    for cookie in browser.cookies.values():
        assert cookie not in caplog.text


def test_a_flood_of_refusals_is_counted_and_not_written_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    log = AuditLog(now=lambda: now[0])
    for _ in range(REFUSALS_A_MINUTE + 40):
        log.refused(ACT, 401, action="request")
    assert len(acts(caplog)) == REFUSALS_A_MINUTE
    now[0] = 60.0
    log.refused(ACT, 401, action="request")
    assert acts(caplog)[-1]["gaugeway.admin.suppressed"] == 40
    log.refused(ACT, 401, action="request")
    assert "gaugeway.admin.suppressed" not in acts(caplog)[-1]


def test_acts_of_operators_are_never_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gaugeway.admin")
    log = AuditLog(now=lambda: 0.0)
    for _ in range(REFUSALS_A_MINUTE * 3):
        log.request(ACT, Caller("ops", "admin", "abc"), 200)
    assert len(acts(caplog)) == REFUSALS_A_MINUTE * 3
