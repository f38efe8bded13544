"""Turns captured messages into the bounded, redacted JSON string the conventions ask for."""

import json

from otel.redaction import redact

_CUT = "…[truncated]"


def content_attribute(messages: object, limit: int) -> str:
    """Write messages as JSON of at most `limit` characters, credentials hidden.

    A longer one is cut and says so, and is then no longer valid JSON.
    """
    text = redact(json.dumps(messages, ensure_ascii=False, separators=(",", ":"), default=str))
    return text if len(text) <= limit else text[: max(0, limit - len(_CUT))] + _CUT
