"""The HTTP connection OTLP exporters send over: safe across forks, and hurried at shutdown."""

import os
import time
from collections.abc import Mapping
from typing import Any

import requests
from google.protobuf.message import DecodeError
from opentelemetry.exporter.http.transport._base import BaseHTTPResult
from opentelemetry.exporter.http.transport._requests import (
    RequestsHTTPResult,
    RequestsHTTPTransport,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel.bootstrap.export_watch import ExportWatch
from otel.exports import Trouble

_PROTOBUF = "application/x-protobuf"


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
    """Requests with five additions.

    It trusts the authority it was given, whatever else the process trusts. A forked child opens
    connections of its own. From `hurry` on no request outlasts the deadline and none is retried. A
    refusal is an error, so that the SDK counts it as one; so is being sent elsewhere, which is not
    followed. `watch` is told what each request came to.

    `rejected` is how many items of the last request its receiver says it threw away, with
    `rejection` its reason.
    """

    def __init__(
        self, *, verify: bool | str, cert: str | tuple[str, str] | None, watch: ExportWatch
    ) -> None:
        self._options: dict[str, Any] = {"verify": verify, "cert": cert}
        super().__init__(**self._options, session=_Session())
        self._owner = os.getpid()
        self._deadline: float | None = None
        self._watch = watch
        self.failing = False
        self.rejected = 0
        self.rejection = ""

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
        with self._watch.under_way():
            result = super().request(method, url, headers=headers, timeout=timeout, data=data)
            status = result.status_code
            self.failing = status is None or not 200 <= status < 300
            self.rejected, self.rejection = 0, ""
            if status is None:
                self._watch.failed(*_trouble(result.error))
            elif self.failing:
                self._watch.failed("refused", f"HTTP {status}")
            else:
                self.rejected, self.rejection = _rejected(result)
        return _refusal(result, status) if status is not None and self.failing else result

    def is_connection_error(self, exception: Exception | None) -> bool:
        """Say whether another try makes sense; at shutdown it never does."""
        return self._deadline is None and super().is_connection_error(exception)


def _refusal(result: BaseHTTPResult, status: int) -> RequestsHTTPResult:
    """An answer as the SDK takes it for a failure; a redirect it would take for a success."""
    return RequestsHTTPResult(
        status_code=status if status >= 400 else None,
        reason=result.reason,
        error=RefusedError(f"HTTP {status}"),
        response=result.response if isinstance(result, RequestsHTTPResult) else None,
    )


def _trouble(error: Exception | None) -> tuple[Trouble, str]:
    name = type(error).__name__
    if isinstance(error, requests.exceptions.Timeout):
        return "timeout", name
    # It is one of the connection errors, too.
    if isinstance(error, requests.exceptions.SSLError):
        return "untrusted", name
    return "unreachable", name


def _rejected(result: BaseHTTPResult) -> tuple[int, str]:
    """How much of what it took a receiver says it threw away, and why.

    The answers to all signals are written alike: a message of a count and a text.
    """
    content = result.content()
    if not content or not result.headers().get("content-type", "").startswith(_PROTOBUF):
        return 0, ""
    try:
        partial = ExportTraceServiceResponse.FromString(content).partial_success
    except DecodeError:
        return 0, ""
    return max(0, partial.rejected_spans), partial.error_message


def transport_for(signal: str, values: Mapping[str, str], watch: ExportWatch) -> ExportTransport:
    """Build a signal's transport from the standard certificate variables."""

    def setting(name: str) -> str:
        own = values.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", "")
        return own or values.get(f"OTEL_EXPORTER_OTLP_{name}", "")

    certificate, key = setting("CLIENT_CERTIFICATE"), setting("CLIENT_KEY")
    pair: str | tuple[str, str] | None = (certificate, key) if certificate and key else None
    return ExportTransport(
        verify=setting("CERTIFICATE") or True, cert=pair or certificate or None, watch=watch
    )
