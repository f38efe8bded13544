"""The measurements run, with parameters too small to mean anything, and print what they promise."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from bench import body_stalls, metrics_endpoint, request_cpu

# They start the service several times over.
pytestmark = pytest.mark.slow


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1, lines
    return cast("dict[str, Any]", json.loads(lines[0]))


def test_the_cpu_of_a_request_is_told_for_each_variant(capsys: pytest.CaptureFixture[str]) -> None:
    request_cpu.main(["--rounds", "1", "--requests", "40", "--warm", "10", "--idle-seconds", "0.2"])
    told = printed(capsys)
    assert list(told["variants"]) == ["bare", "uninstrumented", "off", "on", "on_collector_dead"]
    assert told["variants"]["bare"]["over_bare"] == 1
    for name, variant in told["variants"].items():
        assert variant["cpu_us_per_request"] > 0, name
        assert variant["rss_mb_loaded"] > 0, name
        assert variant["requests_per_second"] > 0, name


def test_the_time_of_a_scrape_is_told_with_its_series(capsys: pytest.CaptureFixture[str]) -> None:
    metrics_endpoint.main(["--series", "300", "--models", "20", "--times", "2"])
    told = printed(capsys)
    assert told["series"] >= 300
    assert told["scrape_ms"] > 0


def test_the_longest_wait_is_told_for_each_body(capsys: pytest.CaptureFixture[str]) -> None:
    body_stalls.main(["--rounds", "1", "--only", "token ids"])
    told = printed(capsys)
    assert "300,000 token ids" in told["shapes"]
    assert set(told["over"]) <= set(told["shapes"])
    for name, shape in told["shapes"].items():
        assert shape["status"] in (200, 400), name
        assert shape["longest_healthz_ms"] > 0, name
