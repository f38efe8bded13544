"""Logging in to the page: forms, cookies, limits, and how a session ends."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.login_limits import BY_ADDRESS
from service.access.sessions import FORM_SECONDS, Sessions, signing_key
from service.api.admin.login import HOME, local_path
from service.key_file import KeysError, read_records, write_records
from service.keys import add_key
from tests.admin.operator import Browser, Figures, OperatedService, operated, token_in
from tests.spoiled_files import SPOILT

KEY = b"k" * 32


def test_a_page_leads_to_the_login_and_back(service: OperatedService) -> None:
    browser = Browser(service)
    sent_on = browser.open("/admin/monitoring?by=app")
    assert sent_on.status == 303
    assert sent_on.headers["location"] == "/admin/login?next=/admin/monitoring%3Fby%3Dapp"
    form = browser.open(sent_on.headers["location"])
    assert form.status == 200
    assert form.headers["content-type"].startswith("text/html")
    fields = {
        "key": service.admin,
        "csrf_token": token_in(form),
        "next": "/admin/monitoring?by=app",
    }
    done = browser.send("/admin/login", fields)
    assert (done.status, done.headers["location"]) == (303, "/admin/monitoring?by=app")
    assert browser.open("/admin/usage").status == 200
    assert browser.open("/admin/login").status == 303


def test_the_cookie_is_for_the_browser_and_these_addresses_alone(service: OperatedService) -> None:
    browser = Browser(service)
    browser.log_in(service.admin)
    line = next(line for line in browser.set_cookies if line.startswith("gaugeway_session="))
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/admin", f"max-age={12 * 3600}"} <= parts
    assert "secure" not in parts
    identity, secret = service.admin.split("_")[1:]
    assert secret not in unquote(line)
    assert stat.S_IMODE((service.home / "session-key").stat().st_mode) == 0o600
    assert identity


def test_a_proxy_that_speaks_tls_makes_the_cookie_secure(service: OperatedService) -> None:
    """The server takes `X-Forwarded-Proto` from addresses it trusts; loopback is one."""
    browser = Browser(service, {"x-forwarded-proto": "https"})
    browser.log_in(service.admin)
    assert all("secure" in line.lower() for line in browser.set_cookies)


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("nonsense", 401), ("gw_0123456789ab_" + "0" * 64, 401), ("app", 403)],
)
def test_a_key_that_may_not_begins_no_session(
    service: OperatedService, key: str, status: int
) -> None:
    browser = Browser(service)
    reply = browser.log_in(service.app if key == "app" else key)
    assert reply.status == status
    assert b'role="alert"' in reply.body
    assert "gaugeway_session" not in browser.cookies
    assert browser.open("/admin/usage").status == 401


def test_a_form_needs_its_token_and_the_browser_it_was_given_to(service: OperatedService) -> None:
    browser, other = Browser(service), Browser(service)
    token = token_in(browser.open("/admin/login"))
    assert browser.send("/admin/login", {"key": service.admin}).status == 403
    assert other.send("/admin/login", {"key": service.admin, "csrf_token": token}).status == 403
    fields = {"key": service.admin, "csrf_token": token_in(browser.open("/admin/login"))}
    for foreign in (
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
    ):
        assert browser.send("/admin/login", fields, **foreign).status == 403
    assert "gaugeway_session" not in browser.cookies
    fields["csrf_token"] = token_in(browser.open("/admin/login"))
    ours = f"http://127.0.0.1:{service.running.port}"
    assert browser.send("/admin/login", fields, origin=ours).status == 303


def test_a_login_is_a_form_of_a_modest_size(service: OperatedService) -> None:
    browser = Browser(service)
    assert browser.send("/admin/login", {}, content_type="application/json").status == 415
    assert browser.send("/admin/login", {"key": "x" * 20_000}).status == 413
    token = token_in(browser.open("/admin/login"))
    twice = browser.send("/admin/login?key=" + service.admin, {"csrf_token": token})
    assert twice.status == 401  # a key in an address is not looked at


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "/admin//evil.example",
        "/admin/..//evil.example",
        "/admin/%2e%2e//evil.example",
        "/admin\\..\\evil",
        "/%09/evil.example",
        "/admin/\r\nlocation: https://evil.example",
        "javascript:alert(1)",
        "/admin@evil.example",
        "/adminevil",
        "/v1/models",
        "/admin/login",
        "/admin/logout",
        "/admin/login?next=/admin/login",
        "",
        " /admin/monitoring",
    ],
)
def test_nobody_is_led_away(service: OperatedService, wanted: str) -> None:
    browser = Browser(service)
    done = browser.log_in(service.admin, next=wanted)
    assert (done.status, done.headers["location"]) == (303, HOME)


@given(st.text())
def test_a_place_to_go_is_below_admin_or_the_page(wanted: str) -> None:
    found = local_path(wanted)
    assert found == HOME or (found == wanted and found.startswith("/admin"))
    assert "//" not in found.partition("?")[0]
    assert "\\" not in found


def test_logging_out_ends_the_session_for_good(service: OperatedService) -> None:
    browser = Browser(service)
    browser.log_in(service.admin)
    stolen = dict(browser.cookies)
    token = session_token(service, browser)
    assert browser.send("/admin/logout", {}).status == 403
    assert browser.send("/admin/logout", {"csrf_token": "x" * 43}).status == 403
    crossing = browser.send("/admin/logout", {"csrf_token": token}, sec_fetch_site="cross-site")
    assert crossing.status == 403
    assert browser.open("/admin/usage").status == 200
    gone = browser.send("/admin/logout", {"csrf_token": token})
    assert (gone.status, gone.headers["location"]) == (303, "/admin/login")
    assert "gaugeway_session" not in browser.cookies
    browser.cookies = stolen
    assert browser.open("/admin/usage").status == 401
    assert browser.open("/admin/monitoring").status == 303


def session_token(service: OperatedService, browser: Browser) -> str:
    """The token that the page of a session holds."""
    sessions = service.running.runtime.operators.sessions
    session = sessions.read(browser.cookies["gaugeway_session"])
    assert session is not None
    return sessions.token_for(session.id)


def test_a_script_of_the_page_sends_the_token_as_a_header(service: OperatedService) -> None:
    browser = Browser(service)
    browser.log_in(service.admin)
    token = session_token(service, browser)
    assert browser.send("/admin/usage", {}, x_csrf_token=token).status == 405
    assert browser.send("/admin/usage", {}, x_csrf_token="wrong").status == 403


def test_a_script_without_a_session_is_not_answered_with_another_page(
    service: OperatedService,
) -> None:
    browser = Browser(service)
    assert browser.open("/admin/monitoring", sec_fetch_mode="cors").status == 401
    assert browser.open("/admin/monitoring", sec_fetch_mode="navigate").status == 303


def test_a_session_ends_with_its_key_at_once(service: OperatedService) -> None:
    key = add_key(service.home, "leaver", "admin")
    browser = Browser(service)
    browser.log_in(key)
    assert browser.open("/admin/usage").status == 200
    file = service.home / "keys.json"
    kept = [record for record in read_records(file) if record.id != key.split("_")[1]]
    write_records(file, kept)
    assert browser.open("/admin/usage").status == 401
    assert service.get("/admin/usage", key=key).status == 401


def test_a_session_loses_what_its_key_has_lost(service: OperatedService) -> None:

    browser = Browser(service)
    browser.log_in(service.admin)
    file = service.home / "keys.json"
    write_records(file, [replace(record, role="app") for record in read_records(file)])
    assert browser.open("/admin/usage").status == 403


def test_a_wrong_key_in_a_header_is_not_made_good_by_a_session(service: OperatedService) -> None:
    browser = Browser(service)
    browser.log_in(service.admin)
    assert browser.open("/admin/usage", authorization="Bearer nonsense").status == 401


def test_wrong_keys_are_limited_by_address_and_the_right_one_is_let_in_all_the_same(
    service: OperatedService,
) -> None:
    browser = Browser(service, {"x-forwarded-for": "192.0.2.7"})
    for _ in range(BY_ADDRESS):
        assert browser.log_in("nonsense").status == 401
    refused = browser.log_in("nonsense")
    assert refused.status == 429
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert b'role="alert"' in refused.body
    assert browser.log_in(service.app).status == 403
    assert browser.log_in(service.admin).status == 303
    assert service.get("/admin/usage").status == 200


def test_attempts_are_limited_while_redis_is_away(tmp_path: Path) -> None:
    with operated(tmp_path, "redis://127.0.0.1:1/0", Figures()) as service:
        browser = Browser(service)
        replies = [browser.log_in("nonsense").status for _ in range(BY_ADDRESS + 1)]
        assert replies == [401] * BY_ADDRESS + [429]


def test_a_session_outlives_redis_and_a_logout_holds_without_it(tmp_path: Path) -> None:
    with operated(tmp_path, "redis://127.0.0.1:1/0", Figures(away=True)) as service:
        browser = Browser(service)
        assert browser.log_in(service.admin).status == 303
        assert browser.open("/admin/usage").status == 503
        cookies = dict(browser.cookies)
        browser.send("/admin/logout", {"csrf_token": session_token(service, browser)})
        browser.cookies = cookies
        assert browser.open("/admin/usage").status == 401


def test_a_cookie_counts_for_its_time_and_no_longer() -> None:
    now = [1_000.0]
    sessions = Sessions(KEY, lifetime=60, now=lambda: now[0])
    session, cookie = sessions.begin("abc")
    assert sessions.read(cookie) == session
    now[0] += 59.9
    assert sessions.read(cookie) == session
    now[0] += 0.1
    assert sessions.read(cookie) is None
    now[0] = 999.0
    assert sessions.read(cookie) is None


def test_a_form_may_be_left_open_for_a_while() -> None:
    now = [1_000.0]
    sessions = Sessions(KEY, lifetime=60, now=lambda: now[0])
    cookie = sessions.form_cookie()
    assert sessions.is_form_cookie(cookie)
    now[0] += FORM_SECONDS
    assert not sessions.is_form_cookie(cookie)


@given(st.text(), st.integers(0, 200), st.booleans())
def test_a_cookie_that_was_changed_proves_nothing(text: str, place: int, kept: bool) -> None:
    sessions = Sessions(KEY, lifetime=60, now=lambda: 1_000.0, random_text=lambda: "random")
    _, cookie = sessions.begin("abc")
    place %= len(cookie)
    changed = cookie[:place] + text + cookie[place + (not kept) :]
    assert (sessions.read(changed) is not None) == (changed == cookie)
    assert Sessions(b"x" * 32, lifetime=60).read(cookie) is None
    assert sessions.read(sessions.form_cookie()) is None
    assert not sessions.is_form_cookie(cookie)


def test_all_workers_sign_with_one_key_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert signing_key(tmp_path) == signing_key(tmp_path)
    (tmp_path / "session-key").write_text("short")
    with pytest.raises(KeysError, match="session-key"):
        signing_key(tmp_path)


@pytest.mark.parametrize(
    # A number is a key too, as long as it is in hexadecimal.
    "kind",
    [kind for kind in SPOILT if kind not in ("gone", "a number without end")],
)
def test_a_signing_key_that_was_spoilt_is_named_and_nothing_in_its_place_is_waited_for(
    tmp_path: Path, kind: str
) -> None:
    SPOILT[kind](tmp_path / "session-key")
    if kind == "a link to nowhere":
        assert len(signing_key(tmp_path)) == 32
        return
    with pytest.raises(KeysError, match="session-key cannot be used"):
        signing_key(tmp_path)


def test_cookies_of_yesterdays_service_still_count_today(tmp_path: Path) -> None:
    _, cookie = Sessions(signing_key(tmp_path), lifetime=60).begin("abc")
    assert Sessions(signing_key(tmp_path), lifetime=60).read(cookie) is not None
