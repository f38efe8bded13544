"""What reads callers' and providers' words takes linear time too, whatever it reads them with."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from starlette.requests import Request

from bench.shapes import SHAPES, written
from otel.bootstrap.access_lines import AccessFilter
from otel.bootstrap.cleaning import Cleaner
from otel.bootstrap.console import HumanFormatter, JsonFormatter
from otel.bootstrap.propagation import BoundedPropagator
from otel.content import content_attribute
from otel.redaction import names_a_secret, redact, redact_beginning
from service.access.paths import is_guarded, is_page
from service.api import headers
from service.api.admin.csrf import form_field
from service.api.admin.login import local_path
from service.api.body import parse_json_object
from service.api.cookies import drop_escaped_cookies
from service.keys import split_key
from service.price_file import matches
from service.providers import failures
from service.providers.control import split_model
from service.providers.openai_format import failure_of
from service.providers.rate_limit_headers import OPENAI, rate_limits_of
from service.providers.retry_after import retry_after_seconds
from service.providers.sse import EventParser
from service.web.spans import read_trace
from tests.growth.shapes import MOST, SIZE, growth

_TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"
_PROPAGATOR = BoundedPropagator(propagate.get_global_textmap())
# Far above the sizes that are compared, so that no cut makes a longer text a short one.
_UNCUT = frozenset({2**20})
Read = Callable[[str], object]


def _span(text: str) -> object:
    attributes = {"url.path": text, "other": text, "list": [text[:99]] * (len(text) // 99)}
    given = ReadableSpan(text, attributes=attributes, kind=SpanKind.SERVER)
    return Cleaner(limits=_UNCUT).span(given)


def _nested(text: str) -> object:
    value: Any = {text[at : at + 8]: {"a": [text[at : at + 8]]} for at in range(0, len(text), 8)}
    return Cleaner(limits=_UNCUT).value(value)


def _console(formatter: logging.Formatter) -> Read:
    return lambda text: formatter.format(
        logging.makeLogRecord({"msg": "%s", "args": (text,), "extra_field": text})
    )


def _access_line(text: str) -> object:
    arguments = (f"{text}:1", text, f"/{text}?{text}", "1.1", 200)
    return AccessFilter().filter(logging.makeLogRecord({"args": arguments}))


def _cookies(text: str) -> object:
    cookie = f'gaugeway_session="{text}"; other={text}'.encode("latin-1", "replace")
    scope = {"type": "http", "headers": [(b"cookie", cookie)]}
    drop_escaped_cookies(scope)
    return Request(scope).cookies


READERS: dict[str, Read] = {
    "redact": redact,
    "the beginning": redact_beginning,
    "the name of an attribute": names_a_secret,
    "a span": _span,
    "a nested value": _nested,
    "captured content": lambda text: content_attribute([{"content": text}, [text]], 2**20),
    "a console line": _console(HumanFormatter()),
    "a console line in JSON": _console(JsonFormatter()),
    "an access line": _access_line,
    "cookies": _cookies,
    "a guarded path": is_guarded,
    "a page's path": is_page,
    "where to go after the login": local_path,
    "a form": lambda text: form_field(text.encode(), "key"),
    "a key": split_key,
    "a body": lambda text: parse_json_object(text.encode()),
    "Cache-Control": lambda text: headers.cache_of({"cache-control": text}),
    "a deadline": lambda text: headers.deadline_of({headers.DEADLINE: text}, now=0, allowed=1),
    "a wish to the simulator": lambda text: headers.simulate_of({headers.SIMULATE: text}),
    "a model": split_model,
    "a price's model": lambda text: matches("a*b*c*d*", text),
    "Retry-After": lambda text: retry_after_seconds({"retry-after": text}, now=0),
    "a rate limit": lambda text: rate_limits_of({"x-ratelimit-remaining-tokens": text}, OPENAI),
    "a provider's words": failures.redact,
    "a provider's error": lambda text: failure_of(500, text.encode()),
    "a stream": lambda text: list(EventParser().feed(text.encode())),
    "a stored trace": lambda text: read_trace(text.encode()),
}
HEADERS: dict[str, Read] = {
    name: lambda text, name=name: _PROPAGATOR.extract({"traceparent": _TRACEPARENT, name: text})
    for name in ("baggage", "tracestate", "traceparent")
}


@pytest.mark.parametrize("name", READERS)
def test_twice_the_text_takes_a_reader_at_most_three_times_as_long(name: str) -> None:
    _hold(READERS[name], SIZE)


@pytest.mark.parametrize("name", HEADERS)
def test_twice_a_header_takes_propagation_at_most_three_times_as_long(name: str) -> None:
    # Twice this is the most that is read at all.
    _hold(HEADERS[name], SIZE // 2)


def _hold(read: Read, size: int) -> None:
    def quietly(text: str) -> None:
        with suppress(Exception):
            read(text)

    for start, piece in SHAPES:
        grown = growth(quietly, written(start, piece, size), written(start, piece, 2 * size))
        assert grown <= MOST, f"{start!r} and then {piece!r} repeated: {grown:.1f} times"
