"""What of a server span its caller wrote, and what stays of it where content is not captured.

A path, a query and most headers can hold whatever a caller likes, a prompt or a name. Of them stays
what the service's own routes, its operator or a vendor's interface named before.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.trace import TraceState

from otel.attributes import HTTP_ROUTE, OTHER, SERVER_ADDRESS, SERVER_PORT

_PATH: Final = "url.path"
_LEFT_OUT: Final = frozenset(
    {
        *("url.query", "url.full", "url.fragment", "http.request.method_original"),
        *("user_agent.original", "user_agent.name", "user_agent.version"),
        # The same by their names before the conventions were stable.
        *("http.url", "http.target", "http.host", "http.server_name", "http.user_agent"),
        "net.host.name",
    }
)
_ADDRESSES: Final = frozenset(
    {"client.address", "network.peer.address", "http.client_ip", "net.peer.ip", "net.peer.name"}
)
_SUSPECT: Final = _LEFT_OUT | _ADDRESSES
_REMEMBERED: Final = 100
# What clients of model interfaces ask for, known from its vendor: an operator sees who wants it.
KNOWN_PATHS: Final = frozenset(
    {
        *("/", "/v1", "/healthz", "/readyz", "/metrics", "/favicon.ico", "/robots.txt"),
        *("/chat/completions", "/embeddings", "/models"),
        *("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models"),
        *("/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/v1/complete"),
        *("/v1/moderations", "/v1/files", "/v1/batches", "/v1/rerank", "/v1/realtime"),
        *("/v1/images/generations", "/v1/images/edits", "/v1/audio/speech"),
        *("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/assistants", "/v1/threads"),
        *("/api/chat", "/api/generate", "/api/tags", "/api/embed", "/completions", "/responses"),
    }
)
# A trace state of OpenTelemetry's own tells samplers how likely a trace was kept, in hexadecimal.
_SAMPLING: Final = "ot"
_SAMPLING_FIELDS: Final = frozenset({"th", "rv", "p", "r"})
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_LONGEST_NUMBER: Final = 14
_LONGEST_ADDRESS: Final = 45


class ServerSpans:
    """Says what stays of server spans; `names` are the host names the service is reached by."""

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        self._names = names | {"localhost"}
        self._own: set[str] = set()

    def kept_of(self, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the attributes without their caller's text; `None` stands for all of them stay."""
        path, route = attributes.get(_PATH), attributes.get(HTTP_ROUTE)
        host = attributes.get(SERVER_ADDRESS)
        # The common case first: a route without parameters, by an address, without a query.
        if (
            path == route
            and (host is None or self._is_own(host))
            and _SUSPECT.isdisjoint(attributes)
        ):
            return None
        kept = {
            key: value
            for key, value in attributes.items()
            if key not in _SUSPECT or (key in _ADDRESSES and is_address(value))
        }
        if host is not None and not self._is_own(host):
            del kept[SERVER_ADDRESS]
            kept.pop(SERVER_PORT, None)
        if path is not None:
            kept[_PATH] = known_path(path, route)
        return kept

    def _is_own(self, host: object) -> bool:
        if host in self._own:
            return True
        if not isinstance(host, str) or not (host in self._names or is_address(host)):
            return False
        if len(self._own) < _REMEMBERED:
            self._own.add(host)
        return True


def sampling_state(state: TraceState) -> TraceState:
    """Return what of a trace state is OpenTelemetry's own, which holds numbers alone."""
    fields = [
        field for field in state.get(_SAMPLING, "").split(";") if _is_number_field(*_pair(field))
    ]
    return TraceState([(_SAMPLING, ";".join(fields))] if fields else None)


def known_path(path: object, route: object) -> object:
    """What stands for a path: the route that answered, a vendor's path, or `_OTHER`."""
    if route is not None:
        return route
    return path if path in KNOWN_PATHS else OTHER


def is_address(value: object) -> bool:
    """Say whether the value is an IP address and nothing more."""
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS or "%" in value:
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _pair(field: str) -> tuple[str, str]:
    name, _, value = field.partition(":")
    return name, value


def _is_number_field(name: str, value: str) -> bool:
    return (
        name in _SAMPLING_FIELDS
        and 0 < len(value) <= _LONGEST_NUMBER
        and _HEXADECIMAL.issuperset(value)
    )
