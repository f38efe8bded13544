"""Asks a running Grafana what it knows and what its data sources answer, as its own pages do."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from grafana.dashboards import rollups
from grafana.dashboards.variable_values import SCRAPE_SECONDS, seconds_of, time_range
from tests.e2e.stack import Stack
from tests.grafana.dashboard_files import Json, dashboards, panels

_VARIABLES = re.compile(r"\$(environment|app|provider|model)\b")
_STEP = re.compile(rf"\$(?:{{{rollups.VARIABLE}}}|{rollups.VARIABLE}\b)")
# About what a graph has pixels.
_POINTS = 700


@dataclass(frozen=True, slots=True)
class Question:
    """One query of a panel or of an event, as a browser would send it."""

    place: str
    target: Json
    begins: float
    ends: float
    step: float

    def __str__(self) -> str:
        return f"{self.place}: {self.target['expr']}"

    @property
    def seconds(self) -> int:
        """How long its time range is."""
        return int(self.ends - self.begins)

    def again(self) -> Question:
        """The same question, asked now."""
        later = time.time() - self.ends
        return replace(self, begins=self.begins + later, ends=self.ends + later)


@dataclass(frozen=True, slots=True)
class Grafana:
    """Its HTTP API, asked as its administrator."""

    url: str
    password: str

    @classmethod
    def of(cls, stack: Stack) -> Grafana:
        """The Grafana of a stack."""
        password = stack.home / "secrets" / "grafana-admin-password"
        return cls(stack.urls["grafana"], password.read_text().strip())

    def get(self, path: str) -> Any:
        """The JSON of an answer; any status but 200 fails the test with what Grafana says."""
        return json.loads(self._answer(path, None))

    def text(self, path: str) -> str:
        """The text of an answer."""
        return self._answer(path, None)

    def rules(self) -> dict[str, Json]:
        """Every rule that Grafana itself evaluates, by its name."""
        groups = self.get("/api/prometheus/grafana/api/v1/rules")["data"]["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def rows(self, question: Question) -> int:
        """How many values the answer to a question has; one that is refused fails the test."""
        target = {
            **question.target,
            "expr": _STEP.sub(str(rollups.RAW), _VARIABLES.sub(".*", question.target["expr"])),
            "refId": question.target.get("refId", "Anno"),
            "intervalMs": int(question.step * 1000),
            "maxDataPoints": _POINTS,
        }
        body = {
            "queries": [target],
            "from": str(int(question.begins * 1000)),
            "to": str(int(question.ends * 1000)),
        }
        answer = json.loads(self._answer("/api/ds/query", body))["results"][target["refId"]]
        assert "error" not in answer, f"{question}: {answer['error']}"
        frames = [frame for frame in answer["frames"] if not _is_exemplars(frame)]
        return sum(len(column) for frame in frames for column in frame["data"]["values"][-1:])

    def _answer(self, path: str, body: Mapping[str, Any] | None) -> str:
        login = base64.b64encode(f"admin:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            said = error.read().decode()[:500]
            raise AssertionError(f"{path} answers {error.code}: {said}: {body}") from None


def questions() -> Iterator[Question]:
    """Every query of every panel and of every event, each over the time range it is shown for."""
    for uid, dashboard in dashboards().items():
        for panel in panels(uid):
            for target in panel["targets"]:
                yield _question(f"{uid}, {panel['title']}", dashboard, panel, target)
        for event in dashboard["annotations"]["list"]:
            target = {"expr": event["expr"], "datasource": event["datasource"], "range": True}
            yield _question(f"{uid}, {event['name']}", dashboard, {}, target)


def _question(place: str, dashboard: Json, panel: Json, target: Json) -> Question:
    now = time.time()
    shown = time_range(now, panel.get("timeFrom") or cast("str", dashboard["time"]["from"]))
    shortest = seconds_of(panel["interval"]) if panel.get("interval") else SCRAPE_SECONDS
    points = panel.get("maxDataPoints") or _POINTS
    step = max(shortest, (now - shown.start) / points)
    return Question(place, target, shown.start, now, step)


def _is_exemplars(frame: Json) -> bool:
    return frame["schema"].get("name") == "exemplar"
