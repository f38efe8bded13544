"""The unit tests of all alerts that Prometheus evaluates, a file a group."""

from __future__ import annotations

from tests.rules.case import Case
from tests.rules.cases import budgets, costs, failures, latency, logs, pipeline, service, slos

CASES: tuple[Case, ...] = (
    *budgets.CASES,
    *costs.CASES,
    *latency.CASES,
    *failures.CASES,
    *service.CASES,
    *pipeline.CASES,
    *logs.CASES,
    *slos.CASES,
)
