"""The unit tests of all alerts that Prometheus evaluates, a file a group."""

from __future__ import annotations

from tests.rules.case import Case
from tests.rules.cases import failures, latency, logs, pipeline, service, spending

CASES: tuple[Case, ...] = (
    *spending.CASES,
    *latency.CASES,
    *failures.CASES,
    *service.CASES,
    *pipeline.CASES,
    *logs.CASES,
)
