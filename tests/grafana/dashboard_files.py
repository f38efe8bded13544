"""The committed dashboards and provisioning as plain data, for tests to look into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from grafana.dashboards import build, rollups

Json = dict[str, Any]
PROVISIONING = Path(__file__).parents[2] / "grafana" / "provisioning"
# Panels of these kinds show text or give each column a unit of its own.
WITHOUT_UNIT = frozenset({"row", "table", "logs"})


@dataclass(frozen=True, slots=True)
class Target:
    """One query as it is committed. `language` is the data source's type."""

    dashboard: str
    panel: str
    language: str
    expression: str
    exemplars: bool

    def __str__(self) -> str:
        return f"{self.dashboard}, {self.panel}: {self.expression}"


@cache
def dashboards() -> dict[str, Json]:
    """Every committed dashboard by its file's name."""
    return {
        path.stem: cast("Json", json.loads(path.read_text()))
        for path in sorted(build.FOLDER.glob("*.json"))
    }


def panels(*uids: str) -> Iterator[Json]:
    """Every panel of some dashboards or of all, row headings left out."""
    for uid, dashboard in dashboards().items():
        if not uids or uid in uids:
            yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def targets() -> Iterator[Target]:
    """Every query of every panel."""
    for uid in dashboards():
        for panel in panels(uid):
            for target in panel["targets"]:
                yield Target(
                    uid,
                    panel["title"],
                    target["datasource"]["type"],
                    target["expr"],
                    target.get("exemplar", False),
                )


def events() -> Iterator[Target]:
    """Every query of every event that dashboards mark on their graphs."""
    for uid, dashboard in dashboards().items():
        for event in dashboard["annotations"]["list"]:
            yield Target(uid, event["name"], event["datasource"]["type"], event["expr"], False)


def variables() -> Iterator[Json]:
    """Every variable of every dashboard."""
    for dashboard in dashboards().values():
        yield from dashboard["templating"]["list"]


def provisioned_datasources() -> dict[str, Json]:
    """The provisioned data sources by uid."""
    [path] = (PROVISIONING / "datasources").glob("*.yaml")
    return {source["uid"]: source for source in yaml.safe_load(path.read_text())["datasources"]}


def with_values(expression: str, step: int = rollups.RAW) -> str:
    """The query as Grafana would send it with every variable on "All".

    `step` is that of rollups, in seconds, which it has for a long time range.
    """
    values = {
        "$__rate_interval": "1m",
        "$__interval": "1m",
        "$__range_s": "3600",
        "$__range": "1h",
        "${step}": str(step),
        "$step": str(step),
        **{f"${name}": ".*" for name in ("environment", "app", "provider", "model")},
    }
    for name, value in values.items():
        expression = expression.replace(name, value)
    return expression
