"""Every panel can be read by someone who did not build it, and leads to the request behind it."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from grafana.dashboards import datasources
from grafana.dashboards.links import explore_url
from tests.grafana.dashboard_files import WITHOUT_UNIT, Json, dashboards, panels, targets, variables

EVERY_PANEL = pytest.mark.parametrize("panel", list(panels()), ids=lambda panel: panel["title"])


@EVERY_PANEL
def test_a_panel_says_what_it_shows(panel: Json) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 20


@EVERY_PANEL
def test_a_panel_names_its_data_source_by_uid(panel: Json) -> None:
    for holder in (panel, *panel["targets"]):
        assert set(holder["datasource"]) == {"type", "uid"}
        assert holder["datasource"]["uid"] in datasources.UIDS


@EVERY_PANEL
def test_a_number_has_a_unit_and_thresholds(panel: Json) -> None:
    if panel["type"] in WITHOUT_UNIT:
        return
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"]


@EVERY_PANEL
def test_an_empty_panel_says_why(panel: Json) -> None:
    if panel["type"] in {"stat", "timeseries"}:
        assert panel["fieldConfig"]["defaults"]["noValue"]


def test_every_number_on_top_can_turn_red() -> None:
    for panel in panels():
        if panel["type"] == "stat":
            colors = {
                step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            }
            assert {"green", "orange", "red"} <= colors, panel["title"]


def test_thresholds_rise() -> None:
    for panel in panels():
        steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {})
        values = [step["value"] for step in steps.get("steps", [])]
        assert values[:1] in ([], [None]), panel["title"]
        assert values[1:] == sorted(values[1:]), panel["title"]


def test_every_table_column_that_holds_a_number_has_a_unit() -> None:
    for panel in panels():
        if panel["type"] != "table":
            continue
        with_unit = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            if any(entry["id"] == "unit" for entry in override["properties"])
        }
        [organize] = [step for step in panel["transformations"] if step["id"] == "organize"]
        renamed = organize["options"]["renameByName"]
        numbers = {column for name, column in renamed.items() if name.startswith("Value #")}
        assert numbers
        assert numbers <= with_unit, panel["title"]


def test_a_latency_graph_asks_for_exemplars_exactly_once() -> None:
    asked = Counter[tuple[str, str]]()
    for target in targets():
        if "_bucket{" in target.expression and "$__rate_interval" in target.expression:
            asked[target.dashboard, target.panel] += target.exemplars
    assert len(asked) >= 3
    assert set(asked.values()) == {1}, asked


def test_no_legend_grows_with_models_apps_or_budgets() -> None:
    bounded = 0
    for panel in panels():
        if panel["type"] != "timeseries" or panel["datasource"]["uid"] != "prometheus":
            continue
        for target in panel["targets"]:
            shown = re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))
            if set(shown) & {"gaugeway_app", "gen_ai_request_model", "gaugeway_budget_name"}:
                assert "topk(" in target["expr"], (panel["title"], shown)
                bounded += 1
    assert bounded > 5


def test_nothing_but_a_histogram_is_asked_for_exemplars() -> None:
    for target in targets():
        assert not target.exemplars or "_bucket{" in target.expression, str(target)


def test_every_row_of_a_request_table_opens_its_trace_and_its_lines() -> None:
    tables = [
        panel
        for panel in panels()
        if panel["type"] == "table" and panel["datasource"]["uid"] == datasources.LOKI_UID
        if "trace_id" in panel["targets"][0]["expr"]
    ]
    assert len(tables) >= 2
    for panel in tables:
        found = _links_of_column(panel, "Trace")
        trace, lines = (_explored(link["url"]) for link in found)
        assert trace["datasource"] == datasources.TEMPO_UID
        assert trace["queries"][0]["query"] == "${__value.raw}"
        assert lines["datasource"] == datasources.LOKI_UID
        assert lines["queries"][0]["expr"] == '{service_name=~".+"} | trace_id="${__value.raw}"'


def test_a_row_of_a_model_or_an_app_opens_its_traces() -> None:
    found = 0
    for panel in panels("genai-overview", "cost-and-budgets", "latency-and-streaming"):
        if panel["type"] != "table" or panel["datasource"]["uid"] != datasources.PROMETHEUS_UID:
            continue
        [organize] = [step for step in panel["transformations"] if step["id"] == "organize"]
        for column in {"Model", "App"} & set(organize["options"]["renameByName"].values()):
            [link] = _links_of_column(panel, column)
            traces = _explored(link["url"])
            assert traces["datasource"] == datasources.TEMPO_UID
            assert "${__value.raw}" in traces["queries"][0]["query"]
            found += 1
    assert found >= 6


def test_a_link_escapes_all_but_grafana_templates() -> None:
    url = explore_url("loki", {"expr": '{app="a b"} | x="${__value.raw}" & more'})
    assert "${__value.raw}" in url
    assert not set(url) & set(' "&|')
    assert _explored(url)["queries"][0]["expr"] == '{app="a b"} | x="${__value.raw}" & more'


def test_panel_links_lead_to_explore() -> None:
    found = [link for panel in panels() for link in panel.get("links", [])]
    assert found
    for link in found:
        assert _explored(link["url"])["datasource"] in datasources.UIDS


def test_panels_have_ids_of_their_own_and_never_overlap() -> None:
    for dashboard in dashboards().values():
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert all(ids)
        assert len(ids) == len(set(ids))
        for panel in dashboard["panels"]:
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
        for one, other in combinations(dashboard["panels"], 2):
            assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def test_a_dashboard_opens_on_what_is_wrong_then_why_then_which() -> None:
    part = {"stat": 1, "timeseries": 2, "heatmap": 2, "table": 3, "logs": 4}
    for uid in dashboards():
        parts = [part[panel["type"]] for panel in panels(uid)]
        assert parts == sorted(parts), uid
        assert {1, 2} <= set(parts), uid


@pytest.mark.parametrize("uid", ["genai-overview", "cost-and-budgets", "latency-and-streaming"])
def test_a_dashboard_of_requests_ends_with_their_tables_and_lines(uid: str) -> None:
    kinds = {panel["type"] for panel in panels(uid)}
    assert {"table", "logs"} <= kinds


def test_a_dashboard_marks_starts_versions_reloads_and_alerts() -> None:
    for dashboard in dashboards().values():
        events = dashboard["annotations"]["list"]
        assert [event["name"] for event in events] == [
            *("Starts", "Versions", "Budget and price reloads", "Alerts")
        ]
        for event in events:
            assert event["enable"]
            assert event["titleFormat"]
            assert event["datasource"]["uid"] == datasources.PROMETHEUS_UID


def test_a_dashboard_leads_to_the_others_with_its_choices_and_its_time() -> None:
    for dashboard in dashboards().values():
        [menu] = dashboard["links"]
        assert menu["type"] == "dashboards"
        assert menu["includeVars"]
        assert menu["keepTime"]
        assert set(menu["tags"]) <= set(dashboard["tags"])


def test_a_dashboard_has_the_four_variables_each_with_all() -> None:
    for dashboard in dashboards().values():
        names = [variable["name"] for variable in dashboard["templating"]["list"]]
        assert names == ["environment", "app", "provider", "model", "step"]
    for variable in variables():
        if variable["name"] == "step":
            continue
        assert variable["includeAll"]
        assert variable["multi"]
        assert variable["allValue"] == ".*"
        assert variable["datasource"]["uid"] == datasources.PROMETHEUS_UID


def test_the_step_of_rollups_is_asked_anew_for_each_time_range_and_nobody_sees_it() -> None:
    for dashboard in dashboards().values():
        step = dashboard["templating"]["list"][-1]
        assert step["hide"] == 2
        assert step["refresh"] == 2
        assert step["current"]["value"] == "1"
        # An address that is passed on may be opened with another time range.
        assert step["skipUrlSync"]
        found = re.search(step["regex"].strip("/"), '{step="300"} 86400 1795289874000')
        assert found
        assert found[1] == "300"


def _links_of_column(panel: Json, column: str) -> list[Json]:
    return [
        link
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == column
        for entry in override["properties"]
        if entry["id"] == "links"
        for link in entry["value"]
    ]


def _explored(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    assert parts.path == "/explore"
    return json.loads(parse_qs(parts.query)["left"][0])


def _overlap(one: Json, other: Json) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
