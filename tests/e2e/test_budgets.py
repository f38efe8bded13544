"""Budgets as Prometheus and Loki tell of them: what workers know is the same, and names no user."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.serving import ROOT
from otel import attributes as a
from otel import names
from service.budgets.thresholds import EVENT
from stack.observations import LogLine
from tests.e2e.columns import METRICS_WITHIN, SPANS_WITHIN
from tests.e2e.polling import NotYetError, until
from tests.e2e.stack import Stack, running

WORKERS = 2
USER = "somebody-whom-nobody-names"
BUDGETS = """
budgets:
  - {name: everything, window: month, limit: {usd: "10"}}
  - name: each-app
    scope: app
    window: month
    limit: {requests: 8}
    actions: [{at: 50, do: warn}, {at: 100, do: refuse}]
  - name: each-user
    scope: user
    window: month
    limit: {requests: 4}
    actions: [{at: 50, do: warn}, {at: 100, do: refuse}]
"""
TOLD = {
    "limit": names.BUDGET_LIMIT,
    "spent": names.BUDGET_SPENT,
    "reserved": names.BUDGET_RESERVED,
    "remaining": names.BUDGET_REMAINING,
}
NAME, VALUE = (one.replace(".", "_") for one in (a.BUDGET_NAME, a.BUDGET_VALUE))
THRESHOLD, APP = (one.replace(".", "_") for one in (a.BUDGET_THRESHOLD, a.APP))


@dataclass(frozen=True, slots=True)
class Used:
    """A stack whose budgets were used up, and what its clients saw."""

    stack: Stack
    file: Path
    began: float
    statuses: list[int]
    traces: set[str]

    def documents(self) -> dict[str, dict[str, Any]]:
        """What /admin/budgets says, by budget."""
        key = (self.stack.home / "dev-admin-key").read_text().strip()
        request = urllib.request.Request(
            f"{self.stack.service_url}/admin/budgets", headers={"authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return {one["name"]: one for one in json.load(answer)["budgets"]}

    def lines(self, containing: str) -> tuple[LogLine, ...]:
        """Log lines since the first request."""
        query = f'{{service_name="gaugeway"}} |= `{containing}`'
        return self.stack.backends.lines(query, since=self.began, until=time.time() + 5)


def ask(stack: Stack, user: str | None) -> tuple[int, str]:
    """One request's status and trace."""
    body = {"model": "simulated", "messages": [{"role": "user", "content": "Hello"}], "user": user}
    request = urllib.request.Request(
        f"{stack.service_url}/v1/chat/completions",
        data=json.dumps({name: value for name, value in body.items() if value}).encode(),
        headers={"authorization": f"Bearer {stack.api_key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["x-trace-id"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["x-trace-id"]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Generator[Used]:
    folder = tmp_path_factory.mktemp("budgets")
    file = folder / "budgets.yaml"
    file.write_text(BUDGETS)
    environment = {"GAUGEWAY_BUDGETS": str(file), "GAUGEWAY_WORKERS": str(WORKERS)}
    with running(folder / "home", environment=environment) as stack:
        began = time.time() - 5
        answers = [ask(stack, USER if number < 3 else None) for number in range(9)]
        yield Used(stack, file, began, [one for one, _ in answers], {one for _, one in answers})


def test_the_last_request_is_refused(used: Used) -> None:
    assert used.statuses == [200] * 8 + [429]


def test_every_worker_tells_what_operators_are_told(used: Used) -> None:
    documents = used.documents()
    del documents["each-user"]

    def agree() -> None:
        for field, metric in TOLD.items():
            found = Counter[tuple[str, float]]()
            for series in used.stack.backends.series(metric.prometheus):
                found[(series.labels[NAME], series.value)] += 1
            expected = {(name, float(one[field])): WORKERS for name, one in documents.items()}
            if found != expected:
                raise NotYetError(f"{metric.prometheus} is {found}, expected {expected}")

    until(agree, within=METRICS_WITHIN)
    assert documents["each-app"]["value"] == "dev"
    assert float(documents["each-app"]["spent"]) == 8


def test_a_forecast_is_told_as_soon_as_there_is_one(used: Used) -> None:
    documents = used.documents()
    found = used.stack.backends.series(names.BUDGET_FORECAST.prometheus)
    expected = {
        name: float(one["forecast"])
        for name, one in documents.items()
        if one["forecast"] is not None and name != "each-user"
    }
    assert {series.labels[NAME] for series in found} == expected.keys()
    for series in found:
        # It falls with each second; a whole number of requests by a whole one at a time.
        by = 1 if series.labels[NAME] == "each-app" else 0
        assert series.value == pytest.approx(expected[series.labels[NAME]], rel=0.01, abs=by)


def test_refused_requests_are_counted_by_budget_and_app(used: Used) -> None:
    query = f"sum by ({NAME}, {APP}) ({names.BUDGET_DENIALS.prometheus})"

    def counted() -> None:
        found = [(dict(one.labels), one.value) for one in used.stack.backends.series(query)]
        if found != [({NAME: "each-app", APP: "dev"}, 1.0)]:
            raise NotYetError(f"{query} is {found}")

    until(counted, within=METRICS_WITHIN)


def test_users_are_counted_by_threshold_and_in_no_label(used: Used) -> None:
    query = f"max by ({NAME}, {THRESHOLD}) ({names.BUDGET_USERS.prometheus})"

    def counted() -> None:
        found = {one.labels[THRESHOLD]: one.value for one in used.stack.backends.series(query)}
        if found != {"50": 1.0, "100": 0.0}:
            raise NotYetError(f"{query} is {found}")

    until(counted, within=METRICS_WITHIN)
    everything = used.stack.backends.series('{__name__=~"gaugeway_budget_.+"}')
    of_users = [one for one in everything if one.labels[NAME] == "each-user"]
    assert {one.labels["__name__"] for one in of_users} == {names.BUDGET_USERS.prometheus}
    assert not any(VALUE in one.labels for one in of_users)
    assert USER not in str(everything)


def test_each_threshold_is_an_event_once_for_all_workers_in_a_requests_trace(used: Used) -> None:
    expected = Counter({("each-app", "50"): 1, ("each-app", "100"): 1, ("each-user", "50"): 1})

    def told() -> tuple[LogLine, ...]:
        lines = used.lines(EVENT)
        found = Counter((line.fields[NAME], line.fields[THRESHOLD]) for line in lines)
        if found != expected:
            raise NotYetError(f"{found}, expected {expected}")
        return lines

    lines = until(told, within=SPANS_WITHIN)
    assert {line.fields["trace_id"] for line in lines} <= used.traces
    assert {line.fields["severity_text"] for line in lines} == {"WARN"}
    assert USER not in str(lines)


def test_every_query_of_the_page_on_budgets_is_understood(used: Used) -> None:
    page = (ROOT / "docs" / "budgets.md").read_text(encoding="utf-8")
    queries = re.findall(r"^```promql\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    share = used.stack.backends.series(queries[0])
    assert {one.labels[NAME]: one.value for one in share}["each-app"] == 1.0
    for query in queries[1:]:
        used.stack.backends.series(query)
    (logql,) = re.findall(r"^```logql\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    own = logql.strip().replace("everything-daily", "each-app")
    assert len(used.stack.backends.lines(own, since=used.began, until=time.time() + 5)) == 2


def test_a_bad_file_is_refused_by_every_worker_and_the_old_one_stays(used: Used) -> None:
    used.file.write_text(BUDGETS.replace("requests: 8", "requests: 800").replace("user", "anyone"))
    query = (
        f'sum({names.CONFIGURATION_RELOADS.prometheus}{{gaugeway_configuration_file="budgets",'
        'gaugeway_configuration_result="refused"})'
    )

    def refused() -> None:
        lines = used.lines("stay in force")
        counted = used.stack.backends.value(query)
        if (len(lines), counted) != (WORKERS, WORKERS):
            raise NotYetError(f"{len(lines)} lines, and {query} is {counted}")

    until(refused, within=METRICS_WITHIN)
    (line, _) = used.lines("stay in force")
    assert line.fields["severity_text"] == "ERROR"
    assert "budgets.2 (each-anyone).scope" in line.text
    assert ask(used.stack, None)[0] == 429
    assert used.documents().keys() == {"everything", "each-app", "each-user"}
    used.file.write_text(BUDGETS.replace("requests: 8", "requests: 9"))

    def goes_on() -> None:
        if ask(used.stack, None)[0] != 200:
            raise NotYetError("The larger budget is not in force")

    until(goes_on, within=10.0)
