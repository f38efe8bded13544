"""An access line names the route, and nothing that its caller wrote."""

import logging

import pytest

from otel.bootstrap.access_lines import AccessFilter
from otel.testing import recorded

LINE = '%s - "%s %s HTTP/%s" %d'


def _line(*arguments: object) -> str:
    record = logging.makeLogRecord({"msg": LINE, "args": arguments})
    assert AccessFilter().filter(record)
    return record.getMessage()


@pytest.mark.parametrize("address", ["/v1/models/me", "/v1/models/me?words=1", "/v1/models/%6d"])
def test_the_route_stands_for_path_and_query(address: str) -> None:
    with recorded(install=True) as telemetry:
        tracer = telemetry.tracer_provider.get_tracer("test")
        attributes = {"http.route": "/v1/models/{model}"}
        with tracer.start_as_current_span("GET", attributes=attributes):
            line = _line("127.0.0.1:50", "GET", address, "1.1", 200)
    assert line == '127.0.0.1:50 - "GET /v1/models/{model} HTTP/1.1" 200'


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/my-words?words", "_OTHER"),
        ("/healthz?words", "/healthz"),
        ("/v1/responses", "/v1/responses"),
        ("/my-words/healthz", "_OTHER"),
    ],
)
def test_without_a_route_a_path_is_told_if_vendors_name_it(address: str, told: str) -> None:
    assert f"GET {told} HTTP" in _line("127.0.0.1:50", "GET", address, "1.1", 404)


def test_what_is_no_address_and_no_method_is_not_told() -> None:
    assert _line("my words:0", "WORDS", "/", "1.1", 405) == 'unknown - "_OTHER / HTTP/1.1" 405'


def test_a_line_of_another_form_is_left_as_it_is() -> None:
    record = logging.makeLogRecord({"msg": "started %s", "args": ("well",)})
    assert AccessFilter().filter(record)
    assert record.getMessage() == "started well"
