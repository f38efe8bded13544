"""What is recorded adds up: exactly, across processes that come and go, and over a month."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.alerts import recorded
from tests.rules.case import pushed
from tests.rules.evaluation import evaluate
from tests.rules.promtool import MIDNIGHT

pytestmark = pytest.mark.e2e

MODEL = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}
ENVIRONMENT = 'deployment_environment_name="dev"'
BY_MODEL = f'{ENVIRONMENT}, gen_ai_provider_name="openai", gen_ai_request_model="gpt-4o"'


def worker(number: int, values: str, app: str = "web-chat") -> dict[str, str]:
    """What one process counted, in dollars."""
    name = f"worker-{number}"
    which = {**MODEL, "gaugeway_app": app, "service_instance_id": name, "instance": name}
    return pushed("gaugeway_cost_total", values, **which)


def test_an_hours_cost_is_exact_across_processes(tmp_path: Path) -> None:
    hour, every = recorded.COST.name, recorded.COST_OF_ALL.name
    series = {
        # Known before, and it goes on.
        **worker(1, "10x70 10.5x60", app="search"),
        # Begins with a dollar, and ends before the hour does.
        **worker(2, "_x80 1 1 3 _x60"),
    }
    evaluate(
        tmp_path,
        series,
        {
            (hour, "2h"): {
                f'{hour}{{{BY_MODEL}, gaugeway_app="search"}}': 0.5,
                f'{hour}{{{BY_MODEL}, gaugeway_app="web-chat"}}': 3.0,
            },
            (every, "2h"): {f"{every}{{{ENVIRONMENT}}}": 3.5},
        },
    )


def test_a_day_counts_each_whole_hour_once(tmp_path: Path) -> None:
    day = recorded.DAY_COST_BY_MODEL.name
    # Half a dollar each minute from 00:00 to 03:30 of the first day.
    series = worker(1, "0+0.5x210 105x300")
    expected = {
        (day, "3h59m"): {f"{day}{{{BY_MODEL}}}": 90.0},
        (day, "4h1m"): {f"{day}{{{BY_MODEL}}}": 105.0},
        (day, "8h"): {f"{day}{{{BY_MODEL}}}": 105.0},
    }
    evaluate(tmp_path, series, expected)


def test_a_month_adds_its_hours(tmp_path: Path) -> None:
    hour, month = recorded.COST.name, recorded.MONTH_COST_BY_MODEL
    series = {
        f'{hour}{{{BY_MODEL}, gaugeway_app="{app}"}}': "0.125x1000"
        for app in ("search", "web-chat")
    }
    expected = {
        (month.expression, "24h"): {f"{{{BY_MODEL}}}": 25 * 0.25},
        (month.expression, "800h"): {f"{{{BY_MODEL}}}": 30 * 24 * 0.25},
    }
    evaluate(tmp_path, series, expected, step="1h", rules=False)


def test_the_time_of_the_newest_telemetry_outlives_its_series(tmp_path: Path) -> None:
    newest = recorded.NEWEST_TELEMETRY.name
    series = pushed("gaugeway_telemetry_dropped_total", "0x30")
    labels = f'{newest}{{{ENVIRONMENT}, service_name="gaugeway"}}'
    expected = {
        (newest, "30m"): {labels: MIDNIGHT + 30 * 60.0},
        (newest, "34m"): {labels: MIDNIGHT + 30 * 60.0},
        (f"last_over_time({newest}[1d])", "3h"): {labels: MIDNIGHT + 30 * 60.0},
    }
    evaluate(tmp_path, series, expected)


def test_a_name_says_level_metric_and_operation() -> None:
    rules = [rule for group in recorded.GROUPS for rule in group.rules]
    assert len(rules) == len({(rule.name, *rule.labels.items()) for rule in rules})
    for name in {rule.name for rule in rules}:
        level, metric, operation = name.split(":")
        assert level in {"environment", "app_model", "model", "app", "service", "rollup"}
        assert metric.startswith(("gaugeway_", "gen_ai_", "http_server_"))
        assert operation
