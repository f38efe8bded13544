"""Panels' queries as Grafana sends them: time ranges, steps and variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from grafana.dashboards.build import FOLDER

Json = Mapping[str, Any]

# Two points of a series are no further apart: the data source's GAUGEWAY_METRIC_INTERVAL.
SCRAPE_SECONDS: Final = 15
# A browser 1400 pixels wide shows a dashboard of 24 columns.
COLUMN_PIXELS: Final = 1400 / 24
# Prometheus refuses more points than this.
_MOST_POINTS: Final = 11_000
# Up to so many seconds between two points, Grafana takes the step beside it.
_STEPS: Final = (
    *((1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60)),
    *((210, 120), (450, 300), (750, 600), (1050, 900), (1500, 1200), (2700, 1800), (5400, 3600)),
    *((9000, 7200), (16_200, 10_800), (32_400, 21_600), (86_400, 43_200), (604_800, 86_400)),
)
_LONGEST_STEP: Final = 604_800
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From when to when a dashboard is looked at."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        """Its length."""
        return round((self.end - self.start).total_seconds())


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


def panels(uid: str, chosen: TimeRange) -> Iterator[Panel]:
    """Every panel of a dashboard that asks Prometheus, with "All" of every variable."""
    dashboard = cast("Json", json.loads((FOLDER / f"{uid}.json").read_text()))
    values = {one["name"]: str(one["allValue"]) for one in dashboard["templating"]["list"]}
    for panel in dashboard["panels"]:
        targets = [one for one in panel.get("targets", ()) if _of_prometheus(one)]
        if targets:
            yield Panel(
                uid,
                panel["title"],
                tuple(_question(panel, target, chosen, values) for target in targets),
                "timeFrom" in panel,
            )


def back(text: str, end: datetime) -> TimeRange:
    """`now-30d`, `now/d` or `now/M` up to `end`, which is now; raises ValueError for any other."""
    if text == "now/d":
        return TimeRange(end.replace(hour=0, minute=0, second=0, microsecond=0), end)
    if text == "now/M":
        return TimeRange(end.replace(day=1, hour=0, minute=0, second=0, microsecond=0), end)
    if match := re.fullmatch(r"now-(\d+)([smhd])", text):
        seconds = int(match[1]) * _UNITS[match[2]]
        return TimeRange(end - timedelta(seconds=seconds), end)
    raise ValueError(f"{text!r} is no beginning of a time range that is known here.")


def step_seconds(length: int, points: int, least: int) -> int:
    """The time between two points, as Grafana rounds it."""
    wanted = length / points
    rounded = next((step for limit, step in _STEPS if wanted < limit), _LONGEST_STEP)
    return max(rounded, least, -(-length // _MOST_POINTS))


def with_values(expression: str, values: Mapping[str, str]) -> str:
    """The expression with each variable's value; raises KeyError for one without."""
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], expression)


def _question(
    panel: Json, target: Json, chosen: TimeRange, variables: Mapping[str, str]
) -> Question:
    asked = back(panel["timeFrom"], chosen.end) if "timeFrom" in panel else chosen
    points = panel.get("maxDataPoints") or int(panel["gridPos"]["w"] * COLUMN_PIXELS)
    least = _seconds(panel["interval"]) if panel.get("interval") else SCRAPE_SECONDS
    step = step_seconds(asked.seconds, points, least)
    values = {
        **variables,
        "__range": f"{asked.seconds}s",
        "__range_s": str(asked.seconds),
        "__interval": f"{step}s",
        "__rate_interval": f"{max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s",
    }
    query = with_values(target["expr"], values)
    end = round(asked.end.timestamp())
    if target.get("instant"):
        return Question("query", {"query": query, "time": str(end)})
    # Both ends lie on a step, so that a refreshed graph keeps its points.
    start = round(asked.start.timestamp())
    aligned = {"start": str(start // step * step), "end": str(end // step * step)}
    return Question("query_range", {"query": query, "step": str(step), **aligned})


def _of_prometheus(target: Json) -> bool:
    return target["datasource"]["type"] == "prometheus"


def _seconds(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]


def queries(asked: Sequence[Panel]) -> int:
    """How many queries some panels ask."""
    return sum(len(panel.questions) for panel in asked)
