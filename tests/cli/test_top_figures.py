from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cli.settings import Level, Threshold, Thresholds, thresholds
from cli.top_document import top_document
from cli.top_figures import budget_level, figures_of
from service.api.admin.documents import Rates
from stack.settings import SettingsError
from tests.cli.top_samples import budget, metrics, notable, totals


def test_latency_is_compared_with_the_hour_before() -> None:
    found = figures_of(metrics(), Thresholds())
    assert found.average.change_percent == pytest.approx(-20)
    assert found.average.change_level == "green"
    assert found.p95.change_percent == pytest.approx(100)
    assert found.p95.change_level == "red"
    assert found.p95.level == "green"


def test_an_hour_that_follows_an_empty_one_has_no_change() -> None:
    for before in (totals(average=None, p95=None), totals(average=0.0, p95=0.0)):
        found = figures_of(metrics(hour_before=before), Thresholds())
        assert found.average.change_percent is None
        assert found.average.change_level is None


@pytest.mark.parametrize(
    ("share", "level"), [(None, None), (0.0, "green"), (0.01, "yellow"), (0.05, "red")]
)
def test_errors_have_the_colour_of_their_share(share: float | None, level: Level | None) -> None:
    rates = Rates(
        requests_per_minute=0,
        errors_per_minute=0,
        error_share_today=share,
        cache_hit_share_today=None,
    )
    found = figures_of(metrics(rates=rates), Thresholds())
    assert found.errors_level == level
    assert found.failing_level is None


def test_a_share_is_told_without_the_tail_of_a_double() -> None:
    rates = Rates(
        requests_per_minute=0,
        errors_per_minute=0,
        error_share_today=0.07855,
        cache_hit_share_today=0.063444,
    )
    document = top_document("http://x", figures_of(metrics(rates=rates), Thresholds()), None)
    assert document["errors_today"]["percent"] == 7.855
    assert document["cache_hit_percent_today"] == 6.3444


@pytest.mark.parametrize(
    ("used", "own", "level"),
    [
        (10, "ok", "green"),
        (80, "ok", "yellow"),
        (95, "ok", "red"),
        (10, "warning", "yellow"),
        (10, "exhausted", "red"),
        (99, "warning", "red"),
        (10, "unheard-of", "green"),
    ],
)
def test_a_budget_has_the_worse_of_its_own_level_and_its_share(
    used: float, own: str, level: Level
) -> None:
    assert budget_level(budget(used=used, level=own), Thresholds()) == level


def test_budgets_that_need_attention_come_first() -> None:
    states = (budget("a", 10), budget("b", 90), budget("c", 50), budget("d", 20, level="exhausted"))
    found = figures_of(metrics(budgets=states), Thresholds())
    assert [one.state.name for one in found.budgets] == ["d", "b", "c", "a"]


def test_todays_cost_has_the_colour_of_the_days_budget() -> None:
    states = (budget(used=97), budget("month", 10, window="month"))
    assert figures_of(metrics(budgets=states), Thresholds()).cost_level == "red"
    assert figures_of(metrics(budgets=()), Thresholds()).cost_level is None


def test_thresholds_come_from_the_environment() -> None:
    found = thresholds({"GAUGEWAY_TOP_P95_MS": "500,1500.5", "GAUGEWAY_TOP_BUDGET_PERCENT": ""})
    assert found == Thresholds(p95_ms=Threshold(500, 1500.5))
    assert figures_of(metrics(), found).p95.level == "red"


@pytest.mark.parametrize("text", ["1", "2,1", "a,b", "1,2,3", "-1,2", "nan,nan", "1,inf"])
def test_a_threshold_that_is_none_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(SettingsError, match="GAUGEWAY_TOP_ERRORS_PERCENT"):
        thresholds({"GAUGEWAY_TOP_ERRORS_PERCENT": text})


def test_a_zone_this_machine_does_not_know_is_no_obstacle() -> None:
    found = figures_of(metrics(time_zone="Mars/Olympus"), Thresholds())
    assert found.budgets[0].view.resets_in == "9 h 23 min"


def test_the_document_has_figures_changes_and_colours() -> None:
    document = top_document("http://x", figures_of(metrics(), Thresholds()), notable(1))
    assert document["cost_usd_today"] == {"value": "6.204", "level": "green"}
    assert document["p95_ms"]["change_percent"] == pytest.approx(100)
    assert document["p95_ms"]["change_level"] == "red"
    assert document["active_sessions"] == 0
    assert document["lost_today"] == {"requests": 0, "unpriced_requests": 0, "cost_usd": "0"}
    assert document["budgets"][0]["colour"] == "green"
    assert document["notable"]["failed"][0]["error"] == "upstream_timeout"


def test_the_documentation_states_every_threshold_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "top.md").read_text(encoding="utf-8")
    for one in fields(Thresholds):
        bounds: Threshold = getattr(Thresholds(), one.name)
        line = f"| `GAUGEWAY_TOP_{one.name.upper()}` | `{bounds.yellow:g},{bounds.red:g}` |"
        assert line in text
