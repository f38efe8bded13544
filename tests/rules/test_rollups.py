"""Over a long time range panels tell the same from rollups as over a short one from raw series."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.alerts.recorded import GROUPS
from grafana.dashboards import rollups
from grafana.dashboards.promql import RANGE_WINDOW, counted, growth, per_second, quantile
from grafana.dashboards.queries import latency, overview, spending
from grafana.dashboards.queries.choices import STEP
from grafana.dashboards.selectors import everything
from otel import attributes as a
from otel import names
from tests.grafana.dashboard_files import with_values
from tests.rules.case import histogram, pushed
from tests.rules.evaluation import evaluate

MODEL = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}
APP = {"gaugeway_app": "web-chat"}
HOURS = 3
STEPS_OF_ROLLUPS = (rollups.FINE_SECONDS, rollups.COARSE_SECONDS)
# Four a minute, and one at the beginning.
STEPS = HOURS * 240
END = f"{HOURS}h"
DURATION = "gen_ai_client_operation_duration_seconds"


def cost(worker: str, values: str) -> dict[str, str]:
    which = {"service_instance_id": worker, "instance": worker}
    return pushed("gaugeway_cost_total", values, **MODEL, **APP, **which)


TRAFFIC = {
    **cost("worker-1", f"0+0.01x{STEPS}"),
    # It began anew an hour ago, and counts from nothing.
    **cost("worker-2", f"0+0.02x{STEPS - 240} 0+0.02x239"),
    **histogram(DURATION, ("1.28", "2.56"), STEPS, **MODEL, **APP),
}
ALIKE = {
    "a rate": per_second(names.COST, by=(a.APP,)),
    "growth over the time range": growth(names.COST, by=(a.APP,)),
    "events over the time range": counted(names.COST, by=(a.APP,)),
    "a quantile": quantile(names.OPERATION_DURATION, 0.95),
    "a quantile over the time range": quantile(
        names.OPERATION_DURATION, 0.95, by=(a.REQUEST_MODEL,), window=RANGE_WINDOW
    ),
    "a graph of the leading": spending.COST_BY_MODEL.expression,
    "cost per request": spending.COST_PER_REQUEST.expression,
    "a table's column": overview.MODELS["Cost"],
}


# promtool evaluates hourly rules as often as all others: steps of an hour cannot be added up here.
ADDED_UP = ("growth over the time range", "events over the time range", "a table's column")
LIKENESSES = [
    (what, step)
    for what in ALIKE
    for step in STEPS_OF_ROLLUPS
    if step == rollups.FINE_SECONDS or what not in ADDED_UP
]


@pytest.mark.e2e
@pytest.mark.parametrize(("what", "step"), LIKENESSES)
def test_raw_series_and_rollups_tell_the_same(tmp_path: Path, what: str, step: int) -> None:
    raw, rolled = with_values(ALIKE[what]), with_values(ALIKE[what], step)
    assert raw != rolled
    alike = f"count(abs(({rolled}) / ({raw}) - 1) < 0.02)"
    there = f"count({raw})"
    expected = {(alike, END): {"{}": 1.0}, (there, END): {"{}": 1.0}}
    evaluate(tmp_path, TRAFFIC, expected, step="15s", every=rollups.FINE)


@pytest.mark.e2e
def test_what_was_there_for_a_while_weighs_as_much_as_it_was_used(tmp_path: Path) -> None:
    late = histogram(DURATION, ("5.12", "10.24"), 80, **MODEL, gaugeway_app="late")
    begun = {name: f"_x{STEPS - 80} {values}" for name, values in late.items()}
    # A quarter of all of the last hour, but as many in each step.
    asked = quantile(names.OPERATION_DURATION, 0.7, window=RANGE_WINDOW)
    slow = f"{with_values(asked, rollups.FINE_SECONDS)} < bool 5"
    evaluate(
        tmp_path, {**TRAFFIC, **begun}, {(slow, END): {"{}": 1.0}}, step="15s", every=rollups.FINE
    )


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("asked", "wanted"),
    [(latency.WHOSE_TIME[0].expression, 1.92), (spending.COST_PER_REQUEST.expression, 0.01)],
)
def test_a_ratio_of_a_short_burst_is_never_told_by_unlike_halves(
    tmp_path: Path, asked: str, wanted: float
) -> None:
    # Sixteen calls in four minutes, each on average 1.92 s and a cent, and the first of their kind.
    burst = "_x440 1+1x15 16x200"
    labels = {**MODEL, **APP}
    series = {
        **pushed(f"{DURATION}_count", burst, **labels),
        **pushed(f"{DURATION}_sum", "_x440 1.92+1.92x15 30.72x200", **labels),
        **pushed("gaugeway_cost_total", "_x440 0.01+0.01x15 0.16x200", **labels),
    }
    told = f"round(max({with_values(asked, rollups.FINE_SECONDS)} > 0), 0.001)"
    never_infinite = f"count({with_values(asked, rollups.FINE_SECONDS)} == +Inf)"
    expected = {(told, time): {"{}": wanted} for time in ("1h56m", "1h58m")}
    expected |= {(never_infinite, f"1h{minute}m"): {} for minute in range(50, 60)}
    evaluate(tmp_path, series, expected, step="15s", every=rollups.FINE)


@pytest.mark.e2e
def test_hours_add_up_to_what_their_steps_do(tmp_path: Path) -> None:
    rollup = "rollup:gaugeway_cost_total:increase"
    fine = f'{rollup}{{step="300",gen_ai_request_model="gpt-4o"}}'
    added = f'sum_over_time({rollup}{{step="3600"}}[3h])'
    labels = '{gen_ai_request_model="gpt-4o", step="3600"}'
    evaluate(
        tmp_path, {fine: "1x40"}, {(added, "3h"): {labels: 36.0}}, step="5m", every=rollups.COARSE
    )


@pytest.mark.e2e
def test_an_hours_step_is_twelve_of_five_minutes(tmp_path: Path) -> None:
    rollup = "rollup:gaugeway_cost_total:increase"
    fine, coarse = (f'sum({rollup}{{step="{step}"}})' for step in STEPS_OF_ROLLUPS)
    ratio = f"round({coarse} / {fine}, 0.001)"
    evaluate(tmp_path, TRAFFIC, {(ratio, "2h"): {"{}": 12.0}}, step="15s", every=rollups.FINE)


def test_a_rollups_window_is_as_long_as_the_time_between_two() -> None:
    windows = {
        group.interval: {rule.labels["step"] for rule in group.rules}
        for group in GROUPS
        if "rollups" in group.name
    }
    assert windows == {"5m": {"300"}, "1h": {"3600"}}
    for group in GROUPS:
        for rule in group.rules if "rollups" in group.name else ():
            if rule.name.endswith(":increase"):
                assert f"[{group.interval}]" in rule.expression


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("step", "raw", "fine", "coarse"), [(1, 1, 0, 0), (300, 0, 1, 0), (3600, 0, 0, 1)]
)
def test_a_range_reads_one_of_the_three(
    tmp_path: Path, step: int, raw: int, fine: int, coarse: int
) -> None:
    name = f"{DURATION}_count"
    rollup = f"rollup:{name}:increase"
    chosen = with_values(rollups.CHOSEN, step)

    def count(series: str, wanted: int) -> dict[tuple[str, str], dict[str, float]]:
        return {(f"count({series})", END): {"{}": float(wanted)} if wanted else {}}

    expected = {
        **count(f"{name}{{{chosen}}}", raw),
        **count(f'{rollup}{{{chosen},step="300"}}', fine),
        **count(f'{rollup}{{{chosen},step="3600"}}', coarse),
    }
    evaluate(tmp_path, TRAFFIC, expected, step="15s", every=rollups.FINE)


@pytest.mark.e2e
def test_a_long_range_reads_rollups_once_there_are_some_of_six_hours(tmp_path: Path) -> None:
    asked = STEP.removeprefix("query_result(").removesuffix(")")

    def read(seconds: int, step: int, time: str) -> dict[tuple[str, str], dict[str, float]]:
        labels = f'{{step="{step}"}}'
        return {(asked.replace("$__range_s", str(seconds)), time): {labels: float(seconds)}}

    expected = {
        **read(3600, 1, "6h20m"),
        **read(86_400, 1, "5h55m"),
        **read(86_400, 300, "6h20m"),
        **read(30 * 86_400, 1, "5h50m"),
        **read(30 * 86_400, 3600, "6h20m"),
    }
    series = histogram(DURATION, ("1.28", "2.56"), 390, **MODEL, **APP)
    evaluate(tmp_path, series, expected, step="1m", every=rollups.FINE)


@pytest.mark.e2e
def test_a_gauge_is_rolled_up_as_the_highest_of_the_processes_alive(tmp_path: Path) -> None:
    budget = {"gaugeway_budget_name": "everything-daily", "gaugeway_budget_value": ""}
    worker = {"service_instance_id": "worker-2", "instance": "worker-2"}
    series = {
        **pushed("gaugeway_budget_spent", "0+0.25x400 100x320", **budget),
        **pushed("gaugeway_budget_spent", "500x20", **budget, **worker),
        **pushed("gaugeway_budget_limit", "200x720", **budget),
    }
    shown = spending.BUDGETS_USED.expression
    labels = '{deployment_environment_name="dev", gaugeway_budget_name="everything-daily"}'
    at = {step: {(with_values(shown, step), END): {labels: 0.5}} for step in (1, *STEPS_OF_ROLLUPS)}
    for expected in at.values():
        evaluate(tmp_path, series, expected, step="15s", every=rollups.FINE)


@pytest.mark.e2e
def test_the_first_event_of_a_series_is_rolled_up(tmp_path: Path) -> None:
    unpriced = {**MODEL, **APP, "gen_ai_operation_name": "chat"}
    series = pushed("gaugeway_unpriced_operations_total", f"_x100 1x{STEPS}", **unpriced)
    asked = with_values(
        counted(names.UNPRICED_OPERATIONS, by=(a.REQUEST_MODEL,)), rollups.FINE_SECONDS
    )
    labels = '{gen_ai_request_model="gpt-4o"}'
    evaluate(tmp_path, series, {(asked, "1h"): {labels: 1.0}}, step="15s", every=rollups.FINE)


def test_rules_and_what_is_true_now_read_raw_series() -> None:
    assert "rollup:" not in per_second(names.COST, select=everything)
    assert "rollup:" not in growth(names.COST, window="24h")
    assert "step=" not in quantile(names.OPERATION_DURATION, 0.95, window="5m")


def test_what_no_rollup_knows_is_read_raw_over_any_range() -> None:
    by_answering = per_second(names.OPERATION_DURATION, series="_count", by=(a.RESPONSE_MODEL,))
    assert "step=" not in by_answering
    matched = per_second(names.COST, 'gen_ai_response_model="gpt-4o"')
    assert "step=" not in matched
    assert "step=" not in per_second(names.LEDGER_DROPPED)
