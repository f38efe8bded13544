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


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        pytest.param("3h29m", 10 + 20 + 30 + 2 + 1.5 + 2, id="the hour under way is added"),
        pytest.param("3h0m", 10 + 20 + 30, id="at the full hour everything is recorded"),
    ],
)
def test_spending_since_midnight_is_exact(minute: str, expected: float, tmp_path: Path) -> None:
    expression = with_values(queries.COST_SINCE.expression.replace("$__range", "3h30m"))
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in SERIES.items()],
        "promql_expr_test": [
            {
                "expr": f"round({expression}, 0.001)",
                "eval_time": minute,
                "exp_samples": [{"labels": "{}", "value": expected}],
            }
        ],
    }
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}))
    promtool = ensure(["promtool"])["promtool"]
    run = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
