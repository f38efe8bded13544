"""The HTTP connection OTLP exporters send over: safe across forks, and hurried at shutdown."""

import os
import time
from collections.abc import Mapping
from typing import Any

import requests
from opentelemetry.exporter.http.transport._base import BaseHTTPResult
from opentelemetry.exporter.http.transport._requests import (
    RequestsHTTPResult,
    RequestsHTTPTransport,
)


class RefusedError(Exception):
    """The receiver answered with an HTTP status that is not a success."""


class _Session(requests.Session):
    """A session whose own certificate authority stands.

    In requests a bundle named by REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, which says whom to trust on
    the internet, would replace the one authority that the receiver was given.
    """

    def merge_environment_settings(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Merge as requests does, but keep the authority if there is one."""
        settings = super().merge_environment_settings(*arguments, **named)
        if self.verify is not True:
            settings["verify"] = self.verify
        return settings


class ExportTransport(RequestsHTTPTransport):
    """Requests with four additions.

    It trusts the authority it was given, whatever else the process trusts. A forked child opens
    connections of its own. From `hurry` on no request outlasts the deadline and none is retried. A
    refusal is an error, so that the SDK counts it as one.
    """

    def __init__(self, *, verify: bool | str, cert: str | tuple[str, str] | None) -> None:
        self._options: dict[str, Any] = {"verify": verify, "cert": cert}
        super().__init__(**self._options, session=_Session())
        self._owner = os.getpid()
        self._deadline: float | None = None
        self.failing = False

    def hurry(self, deadline: float) -> None:
        """Let nothing last beyond this moment of the monotonic clock."""
        self._deadline = deadline

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
        data: bytes | None = None,
    ) -> BaseHTTPResult:
        """Send one request; failures are told in the result, never raised."""
        if self._owner != os.getpid():
            super().__init__(**self._options, session=_Session())
            self._owner = os.getpid()
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                return RequestsHTTPResult(error=TimeoutError("shut down before it was sent"))
            timeout = left if timeout is None else min(timeout, left)
        result = super().request(method, url, headers=headers, timeout=timeout, data=data)
        status = result.status_code
        self.failing = status is None or status >= 400
        if status is None or status < 400:
            return result
        return RequestsHTTPResult(
            status_code=status,
            reason=result.reason,
            error=RefusedError(f"HTTP {status}"),
            response=result.response if isinstance(result, RequestsHTTPResult) else None,
        )

    def is_connection_error(self, exception: Exception | None) -> bool:
        """Say whether another try makes sense; at shutdown it never does."""
        return self._deadline is None and super().is_connection_error(exception)


def transport_for(signal: str, values: Mapping[str, str]) -> ExportTransport:
    """Build a signal's transport from the standard certificate variables."""

    def setting(name: str) -> str:
        own = values.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", "")
        return own or values.get(f"OTEL_EXPORTER_OTLP_{name}", "")

    certificate, key = setting("CLIENT_CERTIFICATE"), setting("CLIENT_KEY")
    pair: str | tuple[str, str] | None = (certificate, key) if certificate and key else None
    return ExportTransport(verify=setting("CERTIFICATE") or True, cert=pair or certificate or None)
