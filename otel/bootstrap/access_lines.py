"""What of a server's access line its caller wrote, and what stands in its place."""

import logging
from typing import Final
from urllib.parse import unquote

from opentelemetry import trace

from otel.attributes import HTTP_ROUTE, OTHER
from otel.bootstrap.server_spans import is_address, known_path

_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_LOGGER: Final = "uvicorn.access"


class AccessFilter(logging.Filter):
    """Writes a line with the route in place of path and query, as spans have it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always written."""
        # uvicorn's: client address with port, method, path with query, HTTP version, status.
        match record.args:
            case (str(client), str(method), str(address), version, status):
                record.args = (
                    _client(client),
                    method if method in _METHODS else OTHER,
                    known_path(unquote(address.partition("?")[0]), _route()),
                    version,
                    status,
                )
            case _:
                pass
        return True


def hide_callers_text() -> None:
    """Have uvicorn's access lines, which it writes unless told not to, changed so."""
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(one, AccessFilter) for one in logger.filters):
        logger.addFilter(AccessFilter())


def _route() -> object:
    """The route of the request that is being answered, as far as its span tells it."""
    attributes = getattr(trace.get_current_span(), "attributes", None)
    return attributes.get(HTTP_ROUTE) if attributes else None


def _client(written: str) -> str:
    host, _, port = written.rpartition(":")
    return written if is_address(host) and port.isdigit() else "unknown"
