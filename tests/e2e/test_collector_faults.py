"""A Collector that is absent, slow or refusing changes nothing for the service's callers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from bench import collector_faults
from bench.collector_faults import Subject

SECONDS = 12.0
RATE = 25.0
SHUTDOWN_WITHIN = 5.0
"""Two seconds for requests under way, two and a half for telemetry, and the rest."""


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    """The four services after the same load, stopped."""
    home: Path = tmp_path_factory.mktemp("faults")
    return asyncio.run(collector_faults.run(seconds=SECONDS, rate=RATE, home=home))


STATES = ("live", "absent", "slow", "refusing")


@pytest.mark.parametrize("state", STATES)
def test_every_request_is_answered(subjects: dict[str, Subject], state: str) -> None:
    assert subjects[state].answers.statuses == {200: int(SECONDS * RATE)}


@pytest.mark.parametrize("state", STATES)
def test_shutting_down_is_bounded(subjects: dict[str, Subject], state: str) -> None:
    assert subjects[state].shutdown_seconds <= SHUTDOWN_WITHIN


@pytest.mark.parametrize("state", ["absent", "refusing"])
def test_what_is_lost_is_counted(subjects: dict[str, Subject], state: str) -> None:
    lost = subjects[state].dropped
    assert sum(lost.values()) > 0, f"{state}: /metrics counts no loss"


def test_nothing_is_lost_with_a_live_collector(subjects: dict[str, Subject]) -> None:
    assert subjects["live"].dropped == {}


def test_each_state_is_set_beside_the_live_one(subjects: dict[str, Subject]) -> None:
    told = collector_faults.result(subjects, seconds=SECONDS, rate=RATE)["collectors"]
    rows = cast("dict[str, dict[str, Any]]", told)
    assert list(rows) == list(STATES)
    assert rows["live"]["p99_ratio"] == 1
    for state, row in rows.items():
        assert row["p99_ms"] >= row["p50_ms"] > 0, state
        assert row["rss_mb"] > 0, state
