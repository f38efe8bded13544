"""The committed dashboards, read as what is asked and followed; few panels may be empty."""

from cli.proving.allowed_empty import ALLOWED_EMPTY, MOST, NEVER_EMPTY, WITHOUT_TRACES
from cli.proving.dashboards import dashboards_in
from grafana.dashboards import build

DASHBOARDS = dashboards_in(build.FOLDER)


def test_every_query_of_every_panel_is_read() -> None:
    for dashboard in DASHBOARDS:
        queries = sum(
            len(panel["targets"])
            for panel in dashboard.document["panels"]
            if panel["type"] != "row"
        )
        assert len(list(dashboard.questions)) == queries > 0, dashboard.uid
        assert len(list(dashboard.events)) == 4
        chosen = ["environment", "app", "provider", "model"]
        assert [variable.name for variable in dashboard.variables] == chosen
        everything = {**dict.fromkeys(chosen, ".*"), "step": "1"}
        assert dashboard.everything == everything
        assert dashboard.everything_in_steps(300) == {**everything, "step": "300"}


def test_what_reads_rollups_over_a_long_range_is_known() -> None:
    reading = [one.panel for board in DASHBOARDS for one in board.questions if one.reads_rollups]
    assert {"Inference duration", "Cost per hour by app"} <= set(reading)
    assert "Budgets" not in reading


def test_a_panel_that_may_be_empty_is_there_and_says_why() -> None:
    panels = {(one.uid, panel["title"]) for one in DASHBOARDS for panel in one.panels}
    for excused in (ALLOWED_EMPTY, WITHOUT_TRACES):
        assert set(excused) <= panels
        assert all(excused.values())


def test_at_most_three_may_be_empty_and_none_where_people_look_first() -> None:
    assert len(ALLOWED_EMPTY) <= MOST == 3
    assert not {uid for uid, _ in ALLOWED_EMPTY} & NEVER_EMPTY
    assert {one.uid for one in DASHBOARDS} >= NEVER_EMPTY
