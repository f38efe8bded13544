"""Many spans at once, as an application sends them that is instrumented too finely."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

import aiohttp

_SPANS: Final = 5000


async def flood(session: aiohttp.ClientSession, otlp_url: str) -> None:
    """Send some thousand spans over OTLP; what the Collector refuses is what it is for."""
    now = time.time_ns()
    trace = secrets.token_hex(16)
    spans = [
        {
            "traceId": trace,
            "spanId": secrets.token_hex(8),
            "name": "a loop's turn",
            "kind": 1,
            "startTimeUnixNano": str(now - 1000),
            "endTimeUnixNano": str(now),
        }
        for _ in range(_SPANS)
    ]
    name = {"key": "service.name", "value": {"stringValue": "proof-flood"}}
    body: dict[str, Any] = {
        "resourceSpans": [{"resource": {"attributes": [name]}, "scopeSpans": [{"spans": spans}]}]
    }
    async with session.post(f"{otlp_url}/v1/traces", json=body) as answer:
        await answer.read()
