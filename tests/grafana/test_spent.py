"""What was spent since midnight or the first is the sum of what every process counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from grafana.dashboards import recorded
from grafana.dashboards.queries import spending as queries
from otel import names
from stack.binaries import ensure
from tests.grafana.dashboard_files import with_values

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

CHOICE = (
    'deployment_environment_name="dev",gaugeway_app="dev",'
    'gen_ai_provider_name="p",gen_ai_request_model="m"'
)
HOURS = f"{recorded.COST.prometheus}{{{CHOICE}}}"


def process(number: int) -> str:
    return f'{names.COST.prometheus}{{{CHOICE},service_instance_id="{number}"}}'


# A minute apart, from midnight on.
SERIES = {
    # Three hours of 10, 20 and 30, each told by the newest sample at its end.
    HOURS: "0x59 10x59 20x59 30x29",
    # At the last full hour it had counted 60; of the hour under way are 2.
    process(1): "60x180 61x8 62x20",
    # Began in the hour under way, with its first dollar at once.
    process(2): "_x190 1 1 1.5x18",
    # Ended before the full hour: the recorded hours have it all.
    process(3): "_x150 7x10",
    # Ended in the hour under way.
    process(4): "_x100 3x80 5x5",
}


def evaluated(
    expression: str, at: str, series: dict[str, str], expected: dict[str, float], directory: Path
) -> None:
    """Fail unless the expression, to the tenth of a cent, is what is expected."""
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"round({with_values(expression)}, 0.001)",
                "eval_time": at,
                "exp_samples": [
                    {"labels": labels, "value": value} for labels, value in expected.items()
                ],
            }
        ],
    }
    file = directory / "case.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}))
    promtool = ensure(["promtool"])["promtool"]
    run = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        pytest.param("3h29m", 10 + 20 + 30 + 2 + 1.5 + 2, id="the hour under way is added"),
        pytest.param("3h0m", 10 + 20 + 30, id="at the full hour everything is recorded"),
    ],
)
def test_spending_since_midnight_is_exact(minute: str, expected: float, tmp_path: Path) -> None:
    expression = queries.COST_SINCE.expression.replace("$__range", "3h30m")
    evaluated(expression, minute, SERIES, {"{}": expected}, tmp_path)


def test_the_forecast_goes_on_as_the_month_went_so_far(tmp_path: Path) -> None:
    # promtool begins in January 1970, which had 31 days. Half of its first day has passed.
    expression = queries.MONTH_FORECAST.expression.replace("$__range_s", "43200")
    hours = {HOURS: "0x59 1x800"}
    evaluated(expression.replace("$__range", "12h"), "12h", hours, {"{}": 12 * 2 * 31}, tmp_path)


# A dollar in each recorded hour; the process that is alive counts two an hour. It is ten o'clock of
# the fourth day, and the last step of a graph of days is that day's beginning.
DAYS = {HOURS: "1x4920", process(1): f"0+{2 / 60}x4920"}
NOW = "3d10h"
DAY = 86400


def at_step(expression: str, seconds: int, *, last: int) -> str:
    """What a graph with this last step shows at one of its steps."""
    graph = expression.replace("@ end()", f"@ {last}")
    return f"last_over_time(({graph})[1s:1s] @ {seconds})"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(1, 24, id="a day that is over is read from its recorded hours"),
        pytest.param(2, 24, id="yesterday too"),
        pytest.param(3, 20, id="today is read from the counters so far"),
    ],
)
def test_a_bar_is_what_was_spent_within_its_day(day: int, expected: float, tmp_path: Path) -> None:
    step = at_step(queries.COST_PER_DAY_BY_MODEL.expression, day * DAY, last=3 * DAY)
    spent = {'{gen_ai_request_model="m"}': expected}
    evaluated(f"round({step})", NOW, DAYS, spent, tmp_path)


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        pytest.param(48, 24, id="the hours before are recorded"),
        pytest.param(81, 48, id="the last hour is not recorded yet"),
    ],
)
def test_the_line_of_thirty_days_ends_with_the_hour_under_way(
    hour: int, expected: float, tmp_path: Path
) -> None:
    line = queries.COST_OF_THIRTY_DAYS.expression
    step = at_step(line, hour * 3600, last=81 * 3600)
    evaluated(f"round({step})", NOW, DAYS, {"{}": expected}, tmp_path)
