"""The unit tests of all alerts that Prometheus evaluates, a file a group."""

from __future__ import annotations

from tests.rules.case import Case

CASES: tuple[Case, ...] = (
    *budgets.CASES,
    *costs.CASES,
    *latency.CASES,
    *failures.CASES,
    *service.CASES,
    *pipeline.CASES,
    *logs.CASES,
)
