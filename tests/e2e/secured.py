"""Speaks OTLP/HTTP to a Collector behind TLS and a token, with or without the right ones."""

from __future__ import annotations

import json
import secrets
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

SPAN_NAME = "sent by a test"


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends one span at a time; `url` is the Collector's, `context` whom to trust."""

    url: str
    context: ssl.SSLContext | None
    token: str | None

    def send_span(self, service: str = "e2e") -> tuple[int, str]:
        """Send a span of a trace of its own; the HTTP status and the trace's id."""
        trace_id = secrets.token_hex(16)
        now = time.time_ns()
        span = {
            "traceId": trace_id,
            "spanId": secrets.token_hex(8),
            "name": SPAN_NAME,
            "kind": 1,
            "startTimeUnixNano": str(now - 10**6),
            "endTimeUnixNano": str(now),
        }
        resource = {"attributes": [_text("service.name", service)]}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
        return self._post("/v1/traces", body), trace_id

    def send_log(self, text: str, service: str = "e2e") -> int:
        """Send a log record; the HTTP status."""
        record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": text}}
        resource = {"attributes": [_text("service.name", service)]}
        body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
        return self._post("/v1/logs", body)

    def _post(self, path: str, body: object) -> int:
        headers = {"content-type": "application/json"}
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(
            self.url + path, data=json.dumps(body).encode(), headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.context) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


def _text(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}
