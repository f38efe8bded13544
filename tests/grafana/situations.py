"""What a query answers in a situation that is written down, computed by the real engine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from grafana.dashboards.queries.query import Query
from stack.binaries import ensure
from tests.grafana.dashboard_files import with_values


@dataclass(frozen=True, slots=True)
class Situation:
    """Series a quarter of a minute apart, and what a number then is after ten minutes."""

    name: str
    query: Query
    series: Mapping[str, str]
    expected: float | str | Mapping[str, float] | None


def check(situation: Situation, directory: Path) -> None:
    """Fail unless the query answers what is expected.

    It is one number, "NaN", None for nothing, or a number for each set of labels.
    """
    expression, expected = with_values(situation.query.expression), situation.expected
    if expected == "NaN":
        # promtool finds no value equal to NaN, and NaN is what is not equal to itself.
        expression, expected = f"({expression}) != bool ({expression})", 1
    wanted = expected if isinstance(expected, Mapping) else {"{}": expected}
    samples = [
        {"labels": labels, "value": value} for labels, value in wanted.items() if value is not None
    ]
    case = {
        "evaluation_interval": "15s",
        # Sums of doubles differ in their last bit.
        "fuzzy_compare": True,
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": series, "values": values}
                    for series, values in situation.series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": expression,
                        "eval_time": "10m",
                        "exp_samples": samples,
                    }
                ],
            }
        ],
    }
    file = directory / "case.yaml"
    file.write_text(yaml.safe_dump(case))
    promtool = ensure(["promtool"])["promtool"]
    run = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
