"""Expressions evaluated by promtool over series that are made up, with our recording rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.rules.promtool import MIDNIGHT, RECORDING_RULES, promtool


def evaluate(
    directory: Path,
    series: dict[str, str],
    expected: dict[tuple[str, str], dict[str, float]],
    *,
    step: str = "1m",
    rules: bool = True,
    every: str = "1m",
) -> None:
    """Fail with what promtool says unless each (expression, time) has these series.

    Rules are evaluated `every` so often: promtool takes no notice of a group's own interval.
    """
    test: dict[str, Any] = {
        "start_timestamp": MIDNIGHT,
        "interval": step,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": time,
                "exp_samples": [
                    {"labels": labels, "value": value} for labels, value in samples.items()
                ],
            }
            for (expression, time), samples in expected.items()
        ],
    }
    file = directory / "tests.yaml"
    files = [str(RECORDING_RULES)] if rules else []
    tests = {"rule_files": files, "evaluation_interval": every, "tests": [test]}
    file.write_text(yaml.safe_dump(tests))
    answer = promtool("test", "rules", file)
    assert answer.returncode == 0, answer.stdout + answer.stderr
