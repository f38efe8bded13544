"""The committed dashboards, as what can be asked of backends and followed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from grafana.dashboards import rollups

Json = dict[str, Any]
Backend = Literal["prometheus", "loki", "tempo"]


@dataclass(frozen=True, slots=True)
class Question:
    """One query of a panel or of an event, as it is committed.

    `since` and `interval` are the panel's own, empty where the dashboard decides. `instant` asks
    for the values at the end of the range alone.
    """

    dashboard: str
    panel: str
    reference: str
    backend: Backend
    expression: str
    instant: bool
    exemplars: bool = False
    since: str = ""
    interval: str = ""
    lines: int = 0

    @property
    def name(self) -> str:
        """Return how people find it: the panel's title and the query's letter."""
        return f"{self.panel} {self.reference}".strip()

    @property
    def reads_rollups(self) -> bool:
        """Tell whether it reads other series over a long time range."""
        return rollups.CHOSEN in self.expression


@dataclass(frozen=True, slots=True)
class Variable:
    """A dashboard's variable: what it asks for, and what "All" stands for."""

    dashboard: str
    name: str
    backend: Backend
    query: str
    everything: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One committed dashboard."""

    uid: str
    document: Json

    @property
    def since(self) -> str:
        """Return where its time range begins, such as now-1h."""
        return str(self.document["time"]["from"])

    @property
    def panels(self) -> Iterator[Json]:
        """Return its panels, those of folded rows too, headings left out."""
        return _panels(self.document["panels"])

    @property
    def questions(self) -> Iterator[Question]:
        """Return every query of its panels."""
        for panel in self.panels:
            for target in panel.get("targets", ()):
                yield _question(self.uid, panel, target)

    @property
    def events(self) -> Iterator[Question]:
        """Return the queries of the events that it marks on its graphs."""
        for event in self.document["annotations"]["list"]:
            yield Question(
                dashboard=self.uid,
                panel=event["name"],
                reference="",
                backend=_backend(event["datasource"]),
                expression=event["expr"],
                instant=False,
                interval=event.get("step", ""),
            )

    @property
    def variables(self) -> Iterator[Variable]:
        """Return the variables that people choose of."""
        for variable in self.document["templating"]["list"]:
            if variable["name"] == rollups.VARIABLE:
                continue
            yield Variable(
                self.uid,
                variable["name"],
                _backend(variable["datasource"]),
                variable["query"],
                variable["allValue"],
            )

    @property
    def everything(self) -> Mapping[str, str]:
        """Return each variable's value where all is chosen, over a short time range."""
        chosen = {variable.name: variable.everything for variable in self.variables}
        return {**chosen, rollups.VARIABLE: str(rollups.RAW)}

    def everything_in_steps(self, seconds: int) -> Mapping[str, str]:
        """Return each variable's value where all is chosen, over a range that reads rollups."""
        return {**self.everything, rollups.VARIABLE: str(seconds)}


def dashboards_in(folder: Path) -> tuple[Dashboard, ...]:
    """Return the dashboards of a folder, by their files' names."""
    documents = (
        cast("Json", json.loads(file.read_text())) for file in sorted(folder.glob("*.json"))
    )
    return tuple(Dashboard(str(document["uid"]), document) for document in documents)


def _panels(panels: list[Json]) -> Iterator[Json]:
    for panel in panels:
        if panel["type"] == "row":
            yield from _panels(cast("list[Json]", panel.get("panels") or []))
        else:
            yield panel


def _question(uid: str, panel: Json, target: Json) -> Question:
    return Question(
        dashboard=uid,
        panel=panel["title"],
        reference=target["refId"],
        backend=_backend(target["datasource"]),
        expression=target["expr"],
        instant=bool(target.get("instant")) or target.get("queryType") == "instant",
        exemplars=bool(target.get("exemplar")),
        since=panel.get("timeFrom") or "",
        interval=panel.get("interval") or "",
        lines=int(target.get("maxLines") or 0),
    )


def _backend(source: Json) -> Backend:
    """Return the backend that a data source names: its uid is its type in our provisioning."""
    name = str(source["uid"])
    if name not in {"prometheus", "loki", "tempo"}:
        raise ValueError(f"no backend is asked for the data source {name!r}")
    return cast("Backend", name)
