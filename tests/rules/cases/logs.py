"""When the alert on missing usage records fires; Loki's own alerts are tested through a Loki."""

from __future__ import annotations

from tests.rules.case import Case, pushed, scraped

LOKI = scraped("up", "1x200", job="loki")


def inferences(values: str) -> dict[str, str]:
    return pushed("gen_ai_client_operation_duration_seconds_count", values)


def lines(values: str) -> dict[str, str]:
    return scraped("loki_distributor_lines_received_total", values, job="loki", tenant="fake")


CASES = (
    Case(
        "UsageLogMissing",
        "inferences from the 15th minute on, of which Loki hears nothing",
        {**LOKI, **inferences("0x60 1+1x100"), **lines("100x200")},
        silent=("17m", "22m"),
        fires="23m",
        summary="Inferences are made, but their usage records do not arrive in Loki",
        description="For each inference of the last ten minutes Loki took in 0.00 log records; "
        "each inference writes one. What costs how much to whom is not on record.",
    ),
    Case(
        "UsageLogMissing",
        "a Loki that never took in anything",
        {**LOKI, **inferences("0+1x200")},
        silent=("7m",),
        fires="8m",
        summary="Inferences are made, but their usage records do not arrive in Loki",
        description="For each inference of the last ten minutes Loki took in 0.00 log records; "
        "each inference writes one. What costs how much to whom is not on record.",
    ),
    Case(
        "UsageLogMissing",
        "a record for each",
        {**LOKI, **inferences("0+1x200"), **lines("0+1x200")},
        silent=("8m", "20m", "45m"),
    ),
    Case(
        "UsageLogMissing",
        "no traffic, and no records",
        {**LOKI, **inferences("500x200"), **lines("500x200")},
        silent=("8m", "20m", "45m"),
    ),
    Case(
        "UsageLogMissing",
        "a few inferences",
        {**LOKI, **inferences("0x60 1+1x8 9x100"), **lines("100x200")},
        silent=("20m", "25m", "30m"),
    ),
    Case(
        "UsageLogMissing",
        "Prometheus watches no Loki",
        inferences("0+1x200"),
        silent=("8m", "20m", "45m"),
    ),
)
