"""What `REDIS_URL` may say: looked at before anything is opened, and never repeated.

redis-py takes some addresses for others than were meant: of `redis://:a#b@host` it makes a host of
what comes before the `#`, and a database that is no number it passes over. What it would read
another way than it was written is refused here, with the remedy.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import ConnectionPool, SSLConnection
from redis.exceptions import RedisError

FORMS: Final = "redis://user:password@host:6379/0, rediss://… over TLS, or unix:///path/of/socket"

_ESCAPES: Final = (
    "a character in its user or password ends that part too early; there write "
    "/ as %2F, ? as %3F, # as %23, @ as %40, & as %26, [ as %5B, ] as %5D and % as %25"
)
_PLACE: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s:\[\]@]*)(?::(?P<port>\d{1,5}))?")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_HIGHEST_PORT: Final = 65_535
_COMMON: Final[frozenset[str]] = frozenset(
    ("db", "username", "password", "client_name", "health_check_interval", "socket_keepalive")
)
_OVER_TLS: Final[frozenset[str]] = frozenset(
    (
        "ssl_ca_certs",
        "ssl_ca_data",
        "ssl_ca_path",
        "ssl_cert_reqs",
        "ssl_certfile",
        "ssl_check_hostname",
        "ssl_ciphers",
        "ssl_keyfile",
        "ssl_min_version",
        "ssl_password",
    )
)
_NUMBERS: Final = frozenset(("db", "health_check_interval", "ssl_min_version"))
_SWITCHES: Final = frozenset(("socket_keepalive", "ssl_check_hostname"))
_FILES: Final = frozenset(("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"))
_SAID_ELSEWHERE: Final = {
    "max_connections": "GAUGEWAY_REDIS_POOL_SIZE",
    "socket_connect_timeout": "GAUGEWAY_REDIS_TIMEOUT_SECONDS",
    "socket_timeout": "GAUGEWAY_REDIS_TIMEOUT_SECONDS",
    "timeout": "GAUGEWAY_REDIS_TIMEOUT_SECONDS",
}


class RedisAddressError(ValueError):
    """The address cannot be used; the message goes on after its name and repeats nothing of it."""


def redis_address(text: str) -> str:
    """The address without blanks around it; reads the files of TLS it names, and opens nothing.

    Raises `RedisAddressError`.
    """
    address = text.strip()
    scheme, mark, rest = address.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in ("redis", "rediss", "unix"):
        raise RedisAddressError(f"has to be written as {FORMS}")
    if any(ord(character) < ord(" ") or character == "\x7f" for character in address):
        raise RedisAddressError("has a line break or another control character in it; take it out")
    if "#" in rest:
        raise RedisAddressError(_ESCAPES)
    before, _, query = rest.partition("?")
    authority, slash, path = before.partition("/")
    if "@" in query.partition("=")[0] or ("@" in path and scheme != "unix"):
        raise RedisAddressError(_ESCAPES)
    if scheme == "unix":
        _check_socket(authority, slash + path)
    else:
        _check_server(authority, path)
    _check_parameters(scheme, query)
    try:
        urlsplit(address)
    except ValueError:
        # Brackets, and letters that are another character in a host's name.
        raise RedisAddressError(_ESCAPES) from None
    _check_connection(address)
    return address


def _check_server(authority: str, path: str) -> None:
    user, _, place = authority.rpartition("@")
    _check_decodes(user)
    found = _PLACE.fullmatch(place)
    if found is None and place.count(":") > 1 and "[" not in place:
        raise RedisAddressError(
            "has more than one colon in its host; write an IPv6 address in brackets, as in "
            f"redis://[::1]:6379/0. Or {_ESCAPES}"
        )
    port = None if found is None else found["port"]
    if found is None or not (port is None or 0 < int(port) <= _HIGHEST_PORT):
        raise RedisAddressError(
            f"has no port from 1 to {_HIGHEST_PORT} after its host. Write {FORMS}. If it has "
            f"one, {_ESCAPES}"
        )
    if path and not _NUMBER.fullmatch(path):
        raise RedisAddressError(
            "names a database that is no number after its host; write one such as /0, or none"
        )


def _check_socket(authority: str, path: str) -> None:
    if authority and not authority.endswith("@"):
        if "@" in path:
            raise RedisAddressError(_ESCAPES)
        raise RedisAddressError("needs three slashes before the path: unix:///path/of/socket")
    _check_decodes(authority)
    if not path.strip("/"):
        raise RedisAddressError("names no socket; write unix:///path/of/socket")


def _check_decodes(part: str) -> None:
    try:
        unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise RedisAddressError(_ESCAPES) from None


def _check_parameters(scheme: str, query: str) -> None:
    if not query:
        return
    if "+" in query:
        raise RedisAddressError("has a + after its ?, where it stands for a blank; write %2B")
    try:
        parameters = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, errors="strict", separator="&"
        )
    except ValueError:
        raise RedisAddressError(
            f"cannot be read after its ?; write name=value, joined by &. Or {_ESCAPES}"
        ) from None
    for name, value in parameters:
        _check_parameter(scheme, name, value)


def _check_parameter(scheme: str, name: str, value: str) -> None:
    if name in _SAID_ELSEWHERE:
        raise RedisAddressError(f"has the parameter {name}; set {_SAID_ELSEWHERE[name]} instead")
    if name in _OVER_TLS and scheme != "rediss":
        raise RedisAddressError(f"has the parameter {name}, which is for rediss:// alone")
    if name not in _COMMON | _OVER_TLS:
        # Its name is not repeated: it can be the end of a password with a ? in it.
        known = ", ".join(sorted(_COMMON | _OVER_TLS if scheme == "rediss" else _COMMON))
        raise RedisAddressError(
            f"has a parameter after its ? that the service does not know. It knows {known}. "
            f"Or {_ESCAPES}"
        )
    if not _is_fit(name, value):
        raise RedisAddressError(f"has a value for {name} that cannot be used; {_wanted(name)}")


def _is_fit(name: str, value: str) -> bool:
    if name in _NUMBERS:
        return _NUMBER.fullmatch(value) is not None
    if name in _SWITCHES:
        return value.lower() in ("true", "false", "yes", "no", "1", "0")
    if name == "ssl_cert_reqs":
        return value in ("none", "optional", "required")
    if name in _FILES:
        return Path(value).is_file()
    return name != "ssl_ca_path" or Path(value).is_dir()


def _wanted(name: str) -> str:
    if name in _NUMBERS:
        return "write a whole number"
    if name in _SWITCHES:
        return "write true or false"
    if name == "ssl_cert_reqs":
        return "write none, optional or required"
    return "name a folder that is there" if name == "ssl_ca_path" else "name a file that is there"


def _check_connection(address: str) -> None:
    """Take it as connections will; what is wrong with files is seen when they are read."""
    try:
        connection: Any = cast("Any", ConnectionPool).from_url(address).make_connection()
        if isinstance(connection, SSLConnection):
            cast("Any", connection).ssl_context.get()
    except (RedisError, OSError, ValueError, TypeError) as error:
        raise RedisAddressError(
            f"cannot be used ({type(error).__name__}). See that what it has after its ? is right, "
            "and that the files it names hold certificates and keys in PEM"
        ) from None
