"""REDIS_URL: what cannot be used is refused with the remedy, and nothing of it is repeated."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import ConnectionPool

from service.redis_address import RedisAddressError, redis_address
from service.settings import SettingsError, load_settings

SECRET = "Tr0ub4dor"

USABLE = (
    "redis://localhost",
    "redis://localhost:6379/0",
    "redis://127.0.0.1:6379",
    "redis://127.0.0.1:6379/",
    "redis://gw:hunter2@redis.internal:6379/15",
    "redis://:hunter2@redis:6379/0",
    "redis://:@redis:6379/0",
    "redis://gw:@redis:6379/0",
    "redis://:p@ss:word@redis:6379/0",
    "redis://:50%off@redis:6379/0",
    "redis://:%2F%3F%23%40%25@redis:6379/0",
    "redis://:a b@redis:6379/0",
    "redis://[::1]:6379/0",
    "redis://gw:hunter2@[fe80::1]:6379/0",
    "redis://redis?db=3&client_name=gaugeway",
    "redis://redis/0?health_check_interval=30&socket_keepalive=true",
    "REDIS://redis:6379/0",
    "rediss://:hunter2@redis:6380/0",
    "rediss://redis:6380/0?ssl_cert_reqs=none&ssl_check_hostname=false",
    "rediss://redis:6380/0?ssl_cert_reqs=required&ssl_min_version=771",
    "unix:///run/redis.sock",
    "unix:///run/redis@home.sock?db=2",
    "unix://gw:hunter2@/run/redis.sock",
    "unix:///run/redis.sock?username=gw&password=hunter2%2B%26",
)
REFUSED = {
    f"redis://:{SECRET}/3xyz@127.0.0.1:6379/0": "%2F",
    f"redis://gw:p@{SECRET}:w/rd#1@redis:6379/0": "%23",
    f"redis://:{SECRET}#x@redis:6379/0": "%23",
    f"redis://:12#{SECRET}@redis:6379/0": "%23",
    f"redis://:{SECRET}?x@redis:6379/0": "%3F",
    f"redis://:12?{SECRET}@redis:6379/0": "%3F",
    f"redis://:a/b?{SECRET}=1@redis:6379/0": "%2F",
    f"redis://:{SECRET}[x@redis:6379/0": "%5B",
    f"redis://:{SECRET}%ff@redis:6379/0": "%25",
    f"redis://:{SECRET}\n@redis:6379/0": "line break",
    f"redis://{SECRET}:port/0": "port",
    f"redis://:{SECRET}@redis:0/0": "port",
    f"redis://:{SECRET}@redis:70000/0": "port",
    f"redis://:{SECRET}@redis:63:79/0": "colon",
    f"redis://:{SECRET}@::1:6379/0": r"redis://\[::1\]",
    f"redis://:{SECRET}@re dis:6379/0": "port",
    f"redis://redis:6379/{SECRET}": "/0",
    "redis://redis:6379/-1": "/0",
    "redis://redis:6379/0/1": "/0",
    f"redis://redis:6379/{'9' * 30}": "/0",
    f"redis:/{SECRET}@redis:6379/0": "redis://",
    f"{SECRET}@redis:6379": "redis://",
    f"http://:{SECRET}@redis:6379/0": "redis://",
    f"redis+sentinel://:{SECRET}@redis:26379/0": "redis://",
    f'"redis://:{SECRET}@redis:6379/0"': "redis://",
    f"redis://redis/0?{SECRET}=1": "does not know",
    f"redis://redis/0?{SECRET}": "name=value",
    f"redis://redis/0?password={SECRET}+1": "%2B",
    f"redis://redis/0?password={SECRET}&x": "name=value",
    "redis://redis/0?socket_timeout=1": "GAUGEWAY_REDIS_TIMEOUT_SECONDS",
    "redis://redis/0?max_connections=1": "GAUGEWAY_REDIS_POOL_SIZE",
    "redis://redis/0?ssl_cert_reqs=none": "rediss://",
    f"rediss://redis/0?ssl_cert_reqs={SECRET}": "none, optional or required",
    f"rediss://redis/0?ssl_check_hostname={SECRET}": "true or false",
    f"rediss://redis/0?ssl_ca_certs=/nowhere/{SECRET}": "a file that is there",
    f"rediss://redis/0?ssl_ca_path=/nowhere/{SECRET}": "a folder that is there",
    f"rediss://redis/0?ssl_min_version={SECRET}": "whole number",
    f"redis://redis/0?db={SECRET}": "whole number",
    f"unix://{SECRET}/redis.sock": "three slashes",
    f"unix://gw:{SECRET}/x@/run/redis.sock": "%2F",
    f"unix://:{SECRET}@": "names no socket",
}


@pytest.mark.parametrize("address", USABLE)
def test_an_address_that_leads_somewhere_is_taken_as_a_connection_takes_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("REDIS_URL", f" {address}\n")
    taken = load_settings().redis_url
    assert taken is not None
    assert taken.get_secret_value() == address


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_cannot_be_used_is_refused_with_the_remedy_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("REDIS_URL", address)
    with pytest.raises(SettingsError, match=REFUSED[address]) as caught:
        load_settings()
    said = str(caught.value)
    assert "REDIS_URL: " in said
    assert "\n" not in said
    assert SECRET not in said
    assert SECRET.lower() not in said.lower()


def test_a_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / f"{SECRET}.pem"
    file.write_text("no certificate")
    with pytest.raises(RedisAddressError, match="PEM") as caught:
        redis_address(f"rediss://redis:6380/0?ssl_ca_certs={file}")
    assert SECRET not in str(caught.value)


@given(
    user=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    password=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_what_is_escaped_as_the_remedy_says_reaches_redis_letter_for_letter(
    user: str, password: str
) -> None:
    address = f"redis://{quote(user, safe='')}:{quote(password, safe='')}@redis:6379/3"
    told = _connection_settings(redis_address(address))
    assert (told.get("username") or "", told.get("password") or "") == (user, password)
    assert (told["host"], told["port"], told["db"]) == ("redis", 6379, 3)


@given(password=st.text(string.ascii_letters + "/+@#?%:&=[] ", max_size=12))
def test_a_password_as_it_is_reaches_redis_letter_for_letter_or_is_refused(password: str) -> None:
    try:
        address = redis_address(f"redis://:{password}@redis:6379/3")
    except RedisAddressError:
        return
    told = _connection_settings(address)
    assert (told["host"], told["port"], told["db"]) == ("redis", 6379, 3)
    # An escape is one, whether it was meant as one or not.
    if "%" not in password:
        assert (told.get("password") or "") == password


def _connection_settings(address: str) -> dict[str, Any]:
    return cast("Any", ConnectionPool).from_url(address).connection_kwargs
