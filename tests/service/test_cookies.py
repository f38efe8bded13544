"""Cookies with escapes, which take long to read, are not read; the others are."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from service.api.cookies import drop_escaped_cookies
from tests.service.running import RunningService


def _read(*cookies: str) -> dict[str, str]:
    headers = [(b"host", b"a\\b"), *((b"cookie", cookie.encode()) for cookie in cookies)]
    scope = {"type": "http", "headers": headers}
    drop_escaped_cookies(scope)
    assert scope["headers"][0] == (b"host", b"a\\b")
    return Request(scope).cookies


@pytest.mark.parametrize("escaped", ['a="\\""', 'a="\\101"', "a=\\", '\\=a; a="b\\c"'])
def test_a_cookie_with_an_escape_is_not_there(escaped: str) -> None:
    assert _read(escaped) == {}
    assert _read(f"x=1; {escaped}; y=2") == {"x": "1", "y": "2"}
    assert _read("x=1", escaped, "y=2") == {"x": "1", "y": "2"}


def test_cookies_without_one_are_as_they_were_sent() -> None:
    assert _read('x=1; y="two words"; z') == {"x": "1", "y": "two words", "": "z"}
    assert _read() == {}


def test_a_service_answers_who_sends_nothing_but_escapes(shared: RunningService) -> None:
    cookie = {"cookie": 'a="' + "\\101" * 12_000 + '"'}
    assert shared.request("GET", "/v1/models", headers=cookie).status == 200
    assert shared.request("GET", "/admin/usage", headers=cookie, key=None).status == 401
