"""What redaction takes: the worst text against plain text, and the telemetry of one request.

Processor time of one thread, the best of several tries. `ratio` is how many times as long as plain
text of the same length the worst of the shapes takes, `growth` how many times as long twice of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from bench.shapes import SHAPES, written
from otel import attributes as a
from otel.bootstrap.cleaning import Cleaner
from otel.redaction import redact

PLAIN = ("", "lorem ipsum dolor sit amet, ")
PROSE = ("", "The key: a token of passion, see user@example.com or https://e.com/a?b=c (12%).\n")
_TIMES = 2000


def best(act: Callable[[], object], tries: int, *, times: int = 1) -> float:
    """Seconds of the fastest try of so many, each of which acts so many times."""
    found = float("inf")
    for _ in range(tries):
        began = time.thread_time()
        for _ in range(times):
            act()
        found = min(found, (time.thread_time() - began) / times)
    return found


def request_spans(number: int) -> tuple[ReadableSpan, ReadableSpan]:
    """A server span and an inference span as a request leaves them; ids differ from each other."""
    server: dict[str, Any] = {
        a.URL_SCHEME: "http",
        a.HTTP_METHOD: "POST",
        a.NETWORK_PROTOCOL_VERSION: "1.1",
        a.SERVER_ADDRESS: "127.0.0.1",
        a.SERVER_PORT: 8080,
        "url.path": "/v1/chat/completions",
        a.HTTP_ROUTE: "/v1/chat/completions",
        a.HTTP_STATUS_CODE: 200,
    }
    inference: dict[str, Any] = {
        a.OPERATION_NAME: "chat",
        a.PROVIDER_NAME: "openai",
        a.REQUEST_MODEL: "gpt-4o-mini",
        a.SERVER_ADDRESS: "api.openai.com",
        a.SERVER_PORT: 443,
        a.APP: "checkout",
        a.COMPONENT: "search",
        a.TARGET: "openai",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 100,
        a.OUTCOME: "completed",
        a.RETRY_COUNT: 0,
        a.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18",
        a.RESPONSE_ID: f"chatcmpl-9xKfZ0aQ3bV7mT2LrJ5yWc{number:08d}",
        a.RESPONSE_FINISH_REASONS: ("stop",),
        "openai.response.system_fingerprint": "fp_44709d6fcb",
        a.COST_SOURCE: "price book 2025-08-01",
        a.USAGE_INPUT_TOKENS: 1200,
        a.USAGE_OUTPUT_TOKENS: 300,
        a.COST: f"0.{number:012d}",
    }
    return (
        ReadableSpan("POST /v1/chat/completions", attributes=server, kind=SpanKind.SERVER),
        ReadableSpan("chat gpt-4o-mini", attributes=inference, kind=SpanKind.CLIENT),
    )


def cleaning(tries: int) -> float:
    """Seconds in which the spans of one request are cleaned on their way to the exporter."""
    cleaner = Cleaner()
    found = float("inf")
    for first in range(0, tries * _TIMES, _TIMES):
        # Other ids each time, as in life: what was seen before is not searched again.
        spans = [span for number in range(first, first + _TIMES) for span in request_spans(number)]
        began = time.thread_time()
        for span in spans:
            cleaner.span(span)
        found = min(found, time.thread_time() - began)
    return found / _TIMES


def measure(*, size: int, tries: int) -> dict[str, object]:
    """Time plain text, prose and each of the shapes, then the spans of a request."""
    plain = best(lambda: redact(written(*PLAIN, size)), tries)
    shapes = {
        shape: best(lambda shape=shape: redact(written(*shape, size)), tries) for shape in SHAPES
    }
    worst = max(shapes, key=lambda shape: shapes[shape])
    twice = best(lambda: redact(written(*worst, 2 * size)), tries)
    return {
        "bench": "redaction",
        "characters": size,
        "plain_ms": round(plain * 1e3, 3),
        "prose_ms": round(best(lambda: redact(written(*PROSE, size)), tries) * 1e3, 3),
        "worst_ms": round(shapes[worst] * 1e3, 3),
        "worst_shape": "".join(worst),
        "ratio": round(shapes[worst] / plain, 1),
        "growth": round(twice / shapes[worst], 2),
        "short_us": round(
            best(lambda: redact("/v1/chat/completions"), tries, times=_TIMES) * 1e6, 2
        ),
        "request_us": round(cleaning(tries) * 1e6, 2),
    }


def main(argv: list[str] | None = None) -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=16_384, help="characters of each text")
    parser.add_argument("--tries", type=int, default=7, help="of which the fastest counts")
    arguments = parser.parse_args(argv)
    json.dump(measure(size=arguments.size, tries=arguments.tries), sys.stdout)
    print()


if __name__ == "__main__":
    main()
