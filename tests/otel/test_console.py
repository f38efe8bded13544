"""Lines of the console are for reading: what is no credential stays."""

from __future__ import annotations

import json
import logging

from otel.bootstrap.console import HumanFormatter, JsonFormatter

FIELDS = {
    "http.response.status_code": 200,
    "error.code": "model_not_found",
    "api_key": "hunter2hunter2",
    "note": "Bearer hunter2hunter2",
}


def line(formatter: logging.Formatter) -> str:
    record = logging.makeLogRecord(
        {"name": "here", "levelname": "INFO", "levelno": 20, "msg": "Answered.", **FIELDS}
    )
    return formatter.format(record)


def test_a_status_is_no_code_of_an_authorisation() -> None:
    human = line(HumanFormatter())
    assert "http.response.status_code=200" in human
    assert "error.code=model_not_found" in human
    fields = json.loads(line(JsonFormatter()))
    assert fields["http.response.status_code"] == 200
    assert fields["error.code"] == "model_not_found"


def test_credentials_are_hidden_in_the_same_lines() -> None:
    for formatter in (HumanFormatter(), JsonFormatter()):
        told = line(formatter)
        assert "api_key" in told
        assert "Bearer [REDACTED]" in told
        assert "hunter2" not in told
