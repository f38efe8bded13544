"""What is recorded of an objective, computed by Prometheus's own engine from made-up traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.slos import series
from tests.rules.case import pushed
from tests.rules.promtool import ALERTS, MIDNIGHT, SLO_RULES, groups_of, promtool

pytestmark = pytest.mark.e2e

HTTP = "http_server_request_duration_seconds_count"
DURATION = "gen_ai_client_operation_duration_seconds"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"


def answers(good: str, bad: str) -> dict[str, str]:
    """Answers of the model API, and some of the admin API that are none of its business."""
    routes = {"http_route": "/v1/chat/completions"}
    return {
        **pushed(HTTP, good, **routes, http_response_status_code="200"),
        **pushed(HTTP, bad, **routes, http_response_status_code="503"),
        **pushed(HTTP, "0+7x2000", http_route="/admin/apps", http_response_status_code="500"),
    }


def evaluate(
    directory: Path,
    slo: str,
    given: Mapping[str, str],
    *,
    expected: Mapping[tuple[str, str], float | None] | None = None,
    fires: Sequence[str] = (),
    silent: Sequence[str] = (),
    alert: str = "",
) -> None:
    """Fail with what promtool says unless each (series, time) has this value, to six digits.

    None is for nothing at all. Traffic is given by the minute. `alert` is held to the times when it
    fires and when it does not.
    """
    groups = _groups(slo, alert)
    rules = directory / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": groups}))
    labels = f'{{deployment_environment_name="dev", gaugeway_slo="{slo}"}}'
    recorded = [
        _asked(
            f"round({name}, 0.000001)",
            time,
            [] if value is None else [{"labels": labels, "value": value}],
        )
        for (name, time), value in (expected or {}).items()
    ]
    tests = {
        "rule_files": [rules.name],
        "evaluation_interval": "1m",
        "group_eval_order": [group["name"] for group in groups],
    }
    _answer(directory, tests, given, recorded)
    firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    for time in (*fires, *silent):
        once = [{"labels": "{}", "value": 1}] if time in fires else []
        _answer(directory, tests, given, [_asked(firing, time, once)])


def _groups(slo: str, alert: str) -> list[dict[str, Any]]:
    """What is recorded of an objective, then the one alert that reads it."""
    recorded = [
        group for group in groups_of(SLO_RULES) if group["name"].startswith(f"gaugeway-slo-{slo}")
    ]
    [alerts] = [group for group in groups_of(ALERTS) if group["name"] == "gaugeway-slos"]
    rules = [rule for rule in alerts["rules"] if rule["alert"] == alert]
    return [*recorded, {**alerts, "rules": rules}]


def _asked(expression: str, time: str, samples: list[dict[str, Any]]) -> dict[str, Any]:
    return {"expr": expression, "eval_time": time, "exp_samples": samples}


def _answer(
    directory: Path,
    tests: Mapping[str, Any],
    given: Mapping[str, str],
    asked: Sequence[dict[str, Any]],
) -> None:
    """Fail with what promtool says unless every question has its answer."""
    test = {
        "start_timestamp": MIDNIGHT,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in given.items()],
        "promql_expr_test": [*asked],
    }
    file = directory / "tests.yaml"
    file.write_text(yaml.safe_dump({**tests, "tests": [test]}))
    answer = promtool("test", "rules", file)
    assert answer.returncode == 0, f"{asked}: {answer.stdout}{answer.stderr}"


def ratio(window: str) -> str:
    return series.ERROR_RATIO[window].prometheus


def burn(window: str) -> str:
    return series.BURN_RATE[window].prometheus


LEFT = series.BUDGET_LEFT.prometheus
OBJECTIVE = series.OBJECTIVE.prometheus


def test_one_in_a_hundred_bad_burns_half_a_percent_twice_too_fast(tmp_path: Path) -> None:
    evaluate(
        tmp_path,
        "availability",
        answers("0+99x400", "0+1x400"),
        expected={
            **{(ratio(window), "4h"): 0.01 for window in series.ERROR_RATIO},
            **{(burn(window), "4h"): 2.0 for window in series.BURN_RATE},
            (LEFT, "4h"): -1.0,
            (OBJECTIVE, "4h"): 0.995,
        },
    )


def test_what_never_failed_has_its_whole_budget(tmp_path: Path) -> None:
    traffic = pushed(HTTP, "0+9x100", http_route="/v1/models", http_response_status_code="429")
    expected: dict[tuple[str, str], float | None] = {(ratio("1h"), "1h"): 0.0, (LEFT, "1h"): 1.0}
    evaluate(tmp_path, "availability", traffic, expected=expected)


def test_what_always_failed_from_its_first_answer_on_is_wholly_bad(tmp_path: Path) -> None:
    traffic = pushed(HTTP, "0+9x100", http_route="/v1/models", http_response_status_code="500")
    expected = {(ratio("1h"), "1h"): 1.0, (burn("1h"), "1h"): 200.0, (LEFT, "1h"): -199.0}
    evaluate(tmp_path, "availability", traffic, expected=expected)


def test_a_busy_hour_weighs_more_than_a_quiet_one(tmp_path: Path) -> None:
    """An hour of 90 a minute without a failure, then one of 10 a minute that all fail."""
    evaluate(
        tmp_path,
        "availability",
        answers("0+90x60 5400x100", "0x60 10+10x59 600x100"),
        expected={(ratio("6h"), "2h20m"): 0.1, (LEFT, "2h20m"): 1 - 0.1 / 0.005},
    )


def test_where_nothing_happens_nothing_is_told_and_a_budget_stays(tmp_path: Path) -> None:
    evaluate(
        tmp_path,
        "availability",
        answers("0+99x60 5940x400", "0+1x60 60x400"),
        expected={
            (ratio("5m"), "1h10m"): None,
            (burn("5m"), "1h10m"): None,
            (ratio("1h"), "2h10m"): None,
            (burn("1h"), "2h10m"): None,
            (ratio("6h"), "6h"): 0.01,
            (LEFT, "6h"): -1.0,
        },
    )


@pytest.mark.parametrize(
    ("slo", "name", "bound", "more"),
    [("latency", DURATION, "10.24", {"error_type": ""}), ("first-chunk", FIRST_CHUNK, "2.56", {})],
)
def test_slower_than_promised_is_bad(
    tmp_path: Path, slo: str, name: str, bound: str, more: dict[str, str]
) -> None:
    given = {
        **pushed(f"{name}_bucket", "0+8x400", le=bound),
        **pushed(f"{name}_bucket", "0+10x400", le="+Inf"),
        **pushed(f"{name}_count", "0+10x400"),
    }
    if more:
        # What failed is not latency's: neither a quick failure nor one that ran out of time.
        given |= pushed(f"{name}_count", "0+50x400", error_type="timeout")
        given |= pushed(f"{name}_bucket", "0+20x400", le=bound, error_type="timeout")
    expected = {(ratio("1h"), "2h"): 0.2, (burn("1h"), "2h"): 4.0, (LEFT, "2h"): -3.0}
    evaluate(tmp_path, slo, given, expected=expected)


def test_a_pace_above_the_hourly_limit_is_bad_while_it_lasts(tmp_path: Path) -> None:
    """At 6 dollars an hour, then a quarter of an hour at 12, then nothing is spent any more."""
    spent = pushed("gaugeway_cost_total", "0+0.1x60 6.2+0.2x14 9x200", gaugeway_app="web-chat")
    evaluate(
        tmp_path,
        "cost",
        spent,
        expected={
            (ratio("5m"), "1h"): 0.0,
            (ratio("5m"), "1h10m"): 1.0,
            (ratio("5m"), "1h25m"): 0.0,
            # Spending or not, five minutes are five minutes.
            (series.TOTAL.prometheus, "3h"): 1.0,
            (series.TOTAL.prometheus, "1h"): 1.0,
        },
    )


def test_an_outage_wakes_somebody_and_lets_them_sleep_when_it_is_over(tmp_path: Path) -> None:
    """Five hours are well, all fails for ten minutes, and all is well again."""
    evaluate(
        tmp_path,
        "availability",
        answers("0+10x300 3000x10 3010+10x200", "0x300 10+10x9 100x200"),
        alert="AvailabilityBudgetFastBurn",
        silent=("5h", "5h3m", "5h25m", "7h"),
        fires=("5h9m", "5h12m"),
    )


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("0x60 1x400", id="one"),
        pytest.param("0x60 1x20 2x20 3x20 4x400", id="four, and nothing that went well"),
    ],
)
def test_a_few_failures_in_a_quiet_night_wake_nobody(tmp_path: Path, bad: str) -> None:
    moments = ("1h3m", "1h10m", "1h45m", "2h5m", "2h30m", "5h")
    quiet = answers("0x460", bad)
    for alert in ("AvailabilityBudgetFastBurn", "AvailabilityBudgetSlowBurn"):
        evaluate(tmp_path, "availability", quiet, alert=alert, silent=moments)
