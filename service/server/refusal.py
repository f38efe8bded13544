"""The answer to what is no request: written by the protocol, which has no application to ask."""

from __future__ import annotations

import http
import json

from service.error_shape import ServiceError


def refusal(error: ServiceError) -> bytes:
    """A whole HTTP/1.1 answer in OpenAI's error shape, after which the connection is closed."""
    body = json.dumps(error.body()).encode()
    phrase = http.HTTPStatus(error.status).phrase
    head = (
        f"HTTP/1.1 {error.status} {phrase}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
