"""Panels' queries are asked as Grafana asks them, and judged by their slowest runs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.dashboards.__main__ import RANGES, UIDS
from bench.dashboards.asking import Panel, Question, opens_with, panels
from bench.dashboards.history import END
from bench.dashboards.measuring import Asked, Measured, measure
from grafana.dashboards.variable_values import TimeRange, time_range

DAY = time_range(END.timestamp(), "24h")
MONTH = time_range(END.timestamp(), "30d")
PANEL = Panel("genai-overview", "Duration", (Question("query", {"query": "1"}),), own_range=False)


@pytest.mark.parametrize("looked_at", [DAY, MONTH])
@pytest.mark.parametrize("uid", UIDS)
def test_nothing_is_left_to_fill_in(uid: str, looked_at: TimeRange) -> None:
    asked = [question for panel in panels(uid, looked_at) for question in panel.questions]
    assert len(asked) > 20
    for question in asked:
        assert "$" not in question.parameters["query"]


def test_all_of_a_choice_matches_everything() -> None:
    [error_ratio] = [one for one in panels(UIDS[0], DAY) if one.title == "Error ratio"]
    assert 'gaugeway_app=~".*"' in error_ratio.questions[0].parameters["query"]


def test_a_graph_of_a_third_of_the_screen_has_a_point_every_two_minutes_of_a_day() -> None:
    [panel] = [one for one in panels(UIDS[0], DAY) if one.title == "Inference duration"]
    assert len(panel.questions) == 3
    for question in panel.questions:
        assert question.path == "query_range"
        assert question.parameters["step"] == "120"
        # A step and a scrape.
        assert "[135s]" in question.parameters["query"]
        assert int(question.parameters["start"]) % 120 == 0


def test_a_number_is_asked_for_at_the_end() -> None:
    [panel] = [one for one in panels(UIDS[0], DAY) if one.title == "Error ratio"]
    [question] = panel.questions
    assert question.path == "query"
    assert question.parameters["time"] == str(int(END.timestamp()))


def test_a_panel_with_a_range_of_its_own_keeps_it() -> None:
    for looked_at in (DAY, MONTH):
        own = {one.title: one for one in panels(UIDS[1], looked_at) if one.own_range}
        [month] = own["Month to date"].questions
        assert f"[{30 * 86400 + 21 * 3600 + 47 * 60}s:1h]" in month.parameters["query"]
        [days] = own["Cost per day by model"].questions
        assert days.parameters["step"] == "86400"
        assert int(days.parameters["end"]) - int(days.parameters["start"]) == 30 * 86400


def test_no_panel_asks_loki() -> None:
    titles = {panel.title for uid in UIDS for panel in panels(uid, DAY)}
    assert "Models by cost" in titles
    assert not titles & {"Slowest requests", "Dearest requests", "Usage records"}


class Scripted:
    """Answers after the seconds it was told."""

    def __init__(self, seconds: Sequence[float], series: int = 1) -> None:
        self._seconds = list(seconds)
        self._series = series

    def ask(self, questions: Sequence[Question]) -> Asked:
        assert questions
        return Asked(self._seconds.pop(0), 0.1, self._series)


def test_the_first_time_counts_for_nothing_and_the_slowest_of_few_for_all() -> None:
    measured = measure(PANEL, "1h", Scripted([3.0, 0.1, 0.4, 0.2]), runs=3)
    assert measured.p95 == 0.4
    assert not measured.wrong


def test_of_twenty_runs_one_may_be_slow() -> None:
    asked = tuple(Asked(seconds, 0.1, 1) for seconds in (*[0.1] * 19, 9.0))
    assert Measured(PANEL, "1h", asked).p95 == 0.1


def test_a_panel_over_its_limit_is_wrong() -> None:
    measured = measure(PANEL, "1h", Scripted([0.1, 0.1, 0.501]), runs=2)
    assert measured.line()["slow"]
    assert measured.wrong


def test_a_hopeless_panel_is_asked_once() -> None:
    measured = measure(PANEL, "30d", Scripted([60.0]), runs=5)
    assert measured.line()["runs"] == 1
    assert measured.wrong


def test_a_panel_that_shows_nothing_is_wrong_however_fast() -> None:
    measured = measure(PANEL, "1h", Scripted([0.1, 0.1], series=0), runs=1)
    assert measured.wrong
    assert not measured.slow
    assert measure(PANEL, "30d", Scripted([0.1, 0.1], series=0), runs=1, judged=False).wrong


def test_how_long_a_range_takes_that_somebody_chose_is_told_and_not_judged() -> None:
    measured = measure(PANEL, "30d", Scripted([0.1, 0.6]), runs=1, judged=False)
    assert measured.line()["slow"]
    assert not measured.wrong


@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_is_measured_over_the_range_it_opens_with(uid: str) -> None:
    assert opens_with(uid) in RANGES
