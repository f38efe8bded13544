"""Panels' queries as Grafana sends them: time ranges, steps and variables filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from grafana.dashboards import rollups
from grafana.dashboards.build import FOLDER
from grafana.dashboards.variable_values import TimeRange, filled, step_of, time_range

Json = Mapping[str, Any]

# A browser 1400 pixels wide shows a dashboard of 24 columns.
COLUMN_PIXELS: Final = 1400 / 24


@dataclass(frozen=True, slots=True)
class Question:
    """One query: the end of Prometheus's API that answers it, and its parameters."""

    path: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Panel:
    """What a panel asks Prometheus at once."""

    dashboard: str
    title: str
    questions: tuple[Question, ...]
    own_range: bool


def opens_with(uid: str) -> str:
    """The time range that a dashboard shows when it is opened: `1h`."""
    return str(_dashboard(uid)["time"]["from"]).removeprefix("now-")


def panels(uid: str, chosen: TimeRange) -> Iterator[Panel]:
    """Every panel of a dashboard that asks Prometheus, with "All" of every variable."""
    dashboard = _dashboard(uid)
    values = {one["name"]: one.get("allValue", "") for one in dashboard["templating"]["list"]}
    values[rollups.VARIABLE] = str(rollups.step_of(chosen.seconds))
    for panel in dashboard["panels"]:
        targets = [one for one in panel.get("targets", ()) if _of_prometheus(one)]
        if targets:
            yield Panel(
                uid,
                panel["title"],
                tuple(_question(panel, target, chosen, values) for target in targets),
                "timeFrom" in panel,
            )


def _dashboard(uid: str) -> Json:
    return cast("Json", json.loads((FOLDER / f"{uid}.json").read_text()))


def _question(
    panel: Json, target: Json, chosen: TimeRange, variables: Mapping[str, str]
) -> Question:
    asked = time_range(chosen.end, panel["timeFrom"]) if "timeFrom" in panel else chosen
    points = panel.get("maxDataPoints") or int(panel["gridPos"]["w"] * COLUMN_PIXELS)
    step = step_of(asked, panel.get("interval") or "", points=points)
    query = filled(target["expr"], asked, step, variables)
    end = round(asked.end)
    if target.get("instant"):
        return Question("query", {"query": query, "time": str(end)})
    # Both ends lie on a step, so that a refreshed graph keeps its points.
    start = round(asked.start)
    aligned = {"start": str(start // step * step), "end": str(end // step * step)}
    return Question("query_range", {"query": query, "step": str(step), **aligned})


def _of_prometheus(target: Json) -> bool:
    return target["datasource"]["type"] == "prometheus"
