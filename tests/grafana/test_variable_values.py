"""Variables are filled in as Grafana fills them."""

import pytest

from grafana.dashboards.variable_values import TimeRange, filled, step_of, time_range

HOUR = TimeRange(0.0, 3600.0)
# 1970-02-14, 13:00:00 UTC
NOW = 44 * 86_400.0 + 13 * 3600


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("rate(x[$__rate_interval])", "rate(x[60s])"),
        ("x[$__range]", "x[3600s]"),
        ("x / $__range_s", "x / 3600"),
        ("x[$__range:$__interval] @ end()", "x[3600s:15s] @ end()"),
        ('x{app=~"$app"}', 'x{app=~".*"}'),
        ('x{app=~"${app:regex}"}', 'x{app=~".*"}'),
        ("${__from} to ${__to}", "0 to 3600000"),
        ('label_replace(x, "a", "$1", "b", "(.+)")', 'label_replace(x, "a", "$1", "b", "(.+)")'),
        ("line_format `{{.app}}` | y=~`a$`", "line_format `{{.app}}` | y=~`a$`"),
    ],
)
def test_a_variable_gets_its_value(expression: str, wanted: str) -> None:
    assert filled(expression, HOUR, 15, {"app": ".*"}) == wanted


def test_a_variable_that_nobody_fills_is_refused() -> None:
    with pytest.raises(ValueError, match="region"):
        filled('x{region="$region"}', HOUR, 15, {"app": ".*"})


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        ("now-1h", NOW - 3600),
        ("30d", NOW - 30 * 86_400),
        ("now-30d", NOW - 30 * 86_400),
        ("now/d", 44 * 86_400),
        ("now/M", 31 * 86_400),
    ],
)
def test_a_panel_begins_where_its_own_time_range_says(chosen: str, start: float) -> None:
    assert time_range(NOW, chosen) == TimeRange(start, NOW)


def test_an_unknown_time_range_is_refused() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        time_range(NOW, "yesterday")


@pytest.mark.parametrize(
    ("days", "least", "step"),
    [(1 / 24, "", 15), (1 / 24, "60s", 60), (30, "1h", 3600), (30, "1d", 86_400)],
)
def test_points_are_no_closer_than_scrapes_or_than_their_panel_says(
    days: float, least: str, step: int
) -> None:
    assert step_of(TimeRange(0.0, days * 86_400), least) == step


@pytest.mark.parametrize(
    ("days", "points", "step"),
    [(1 / 24, 466, 15), (1, 466, 120), (30, 466, 7200), (30, 20_000, 236)],
)
def test_steps_are_rounded_as_grafana_rounds_them(days: float, points: int, step: int) -> None:
    assert step_of(TimeRange(0.0, days * 86_400), points=points) == step


def test_a_window_of_rates_holds_four_samples_at_least() -> None:
    assert filled("$__rate_interval", HOUR, 3600, {}) == "3615s"
