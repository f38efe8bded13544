"""docs/budgets.md: its files load, its names are the product's, its refusal is a real one."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel import attributes, names
from otel.metric import Metric
from otel.spending import SPENDING
from service.api.headers import COMPONENT, COST
from service.budgets import schema, telling
from service.budgets.bound import OUTPUT_TOKENS
from service.budgets.budgets import GRACE_SECONDS, RELOAD_SECONDS, TELL_SECONDS
from service.budgets.declared import (
    DEFAULT_PATH,
    USED_UP_PERCENT,
    BudgetsError,
    Declared,
    load_budgets,
)
from service.budgets.thresholds import EVENT
from service.errors import BudgetsUnavailable
from service.file_watch import KEPT
from service.runtime import Parts
from service.settings import Settings
from service.targets import load_targets
from tests.service.running import running, settings_for

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "budgets.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(\w*) ?(\w*)\n(.*?)^ *```", TEXT, flags=re.MULTILINE | re.DOTALL)
TARGETS = """
targets:
  openai:
    provider: openai
    provider_name: openai
    base_url: http://127.0.0.1:9/v1
    models: {gpt-5: {}, gpt-5-mini: {}, gpt-5-nano: {}}
"""
"""What the examples' budgets speak of."""


def blocks(language: str, kind: str = "") -> list[str]:
    return [text for one, other, text in BLOCKS if (one, other) == (language, kind)]


FILES = blocks("yaml") + blocks("yaml", "refusal")


def load(folder: Path, text: str) -> Declared:
    targets, path = folder / "targets.yaml", folder / "budgets.yaml"
    targets.write_text(TARGETS)
    path.write_text(text)
    return load_budgets(
        path,
        targets=load_targets(targets, credentials={}),
        time_zone="UTC",
        components=frozenset({"search"}),
    )


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_every_file_it_shows_can_be_used(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).budgets


def test_its_files_show_every_scope_window_unit_and_action(tmp_path: Path) -> None:
    shown = [budget for text in FILES for budget in load(tmp_path, text).budgets]
    actions = {a["do"] for text in FILES for b in _entries(text) for a in b.get("actions", ())}
    assert {budget.scope for budget in shown} == set(schema.Scope.__args__)
    assert {budget.window for budget in shown} == {"hour", "day", "month"}
    assert {budget.unit for budget in shown} == {"usd", "tokens", "requests"}
    assert actions == {"warn", "route", "refuse"}


def _entries(text: str) -> list[dict[str, Any]]:
    return yaml.safe_load(text)["budgets"]


def test_the_file_it_says_is_shipped_is_the_one_that_is() -> None:
    assert yaml.safe_load(FILES[0]) == yaml.safe_load(DEFAULT_PATH.read_text())


def test_every_field_has_its_row() -> None:
    fields = set(schema.BudgetEntry.model_fields)
    assert fields <= set(re.findall(r"^\| `(\w+)` \|", TEXT, flags=re.MULTILINE))
    for field in schema.BudgetsFile.model_fields:
        assert f"`{field}`" in TEXT, field


def test_headers_are_spelled_as_they_are_sent() -> None:
    written = set(re.findall(r"x-gaugeway-[a-z-]+", TEXT))
    assert written == {telling.REMAINING, telling.WARNING, telling.ROUTED, COMPONENT, COST}


def test_settings_are_ones_that_are_read() -> None:
    written = set(re.findall(r"GAUGEWAY_[A-Z_]+[A-Z]", TEXT)) - {"GAUGEWAY_URL", "GAUGEWAY_KEY"}
    fields = {f"GAUGEWAY_{field.upper()}" for field in Settings.model_fields}
    composed = set(re.findall(r"GAUGEWAY_[A-Z_]+[A-Z]", (ROOT / "docker-compose.yml").read_text()))
    assert written <= fields | composed
    assert {"GAUGEWAY_BUDGETS", "GAUGEWAY_BUDGETS_WHEN_UNAVAILABLE"} <= written & fields


def test_every_metric_of_budgets_is_told_of() -> None:
    ours = {metric.prometheus for metric in SPENDING if metric.name.startswith("gaugeway.budget.")}
    rows = set(re.findall(r"^\| `(gaugeway_\w+)` \|", TEXT, flags=re.MULTILINE))
    assert rows == ours


def test_queries_ask_for_metrics_by_labels_that_they_carry() -> None:
    queries = blocks("promql")
    assert len(queries) >= 6
    for query in queries:
        metrics = [metric for metric in SPENDING if re.search(rf"\b{metric.prometheus}\b", query)]
        assert metrics, query
        written = set(re.findall(r"gaugeway_\w+", query))
        assert written <= {name for metric in metrics for name in _spelled(metric)}, query
        for metric in metrics:
            if metric.prometheus.endswith("_total"):
                assert "sum" in query, query
            else:
                assert "max" in query, query
                assert "sum" not in query, query


def _spelled(metric: Metric) -> set[str]:
    return {metric.prometheus, *(label.replace(".", "_") for label in metric.attributes)}


def test_attributes_and_events_are_spelled_as_they_are_told() -> None:
    written = set(re.findall(r"`(gaugeway\.[a-z_.]+)", TEXT))
    ours = {metric.name for metric in SPENDING} | {
        attributes.BUDGET_NAME,
        attributes.BUDGET_THRESHOLD,
        attributes.CONFIGURATION_FILE,
        attributes.CONFIGURATION_RESULT,
    }
    assert written <= ours
    assert names.CONFIGURATION_RELOADS.name in written
    (query,) = blocks("logql")
    assert EVENT in query
    assert attributes.BUDGET_NAME.replace(".", "_") in query


def test_figures_are_those_of_the_code() -> None:
    allowances = schema.AllowancesEntry()
    for phrase in (
        f"each image {allowances.image:,}, each file {allowances.file:,}",
        f"each video {allowances.video:,}",
        f"else {OUTPUT_TOKENS:,}.",
        f"lapse {GRACE_SECONDS:.0f} seconds after",
        f"`GAUGEWAY_DEADLINE_SECONDS` ({Settings.model_fields['deadline_seconds'].default:.0f})",
        f"read from Redis every {TELL_SECONDS:.0f} seconds",
        f"`{BudgetsUnavailable.default_code}`",
        f"from {USED_UP_PERCENT} % on",
    ):
        assert phrase in " ".join(TEXT.split()), phrase
    assert RELOAD_SECONDS == 1, "it says: every second"


def test_what_it_says_of_a_bad_file_is_what_is_said(tmp_path: Path) -> None:
    bad = FILES[1].replace("window: hour", "window: year")
    with pytest.raises(BudgetsError) as caught:
        load(tmp_path, bad)
    (shown,) = blocks("text", "refused")
    head, problem, last = (line.strip() for line in shown.strip().splitlines())
    said = [line.strip() for line in str(caught.value).splitlines()]
    assert head.replace("/etc/gaugeway/budgets", str(tmp_path)) == said[0]
    assert problem.replace("3 (small)", "5 (openai-hourly)") == said[1]
    assert last == KEPT % "budgets"


def test_the_refusal_it_shows_is_a_real_one(tmp_path: Path, redis_url: str) -> None:
    (file,), (shown,) = blocks("yaml", "refusal"), blocks("http", "refusal")
    path = tmp_path / "budgets.yaml"
    path.write_text(file)
    # In the middle of a month, whatever the day: near its end clients are told to wait.
    moment = datetime.now(UTC).replace(day=15)
    settings = settings_for(tmp_path / "home", redis_url, budgets=path)
    with running(settings, parts=Parts(now=lambda: moment)) as service:
        answers = [service.chat("Hello") for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 429]
    assert telling.WARNING in answers[3].headers
    refused = answers[4]
    head, body = shown.split("\n\n")
    for line in head.splitlines()[1:]:
        name, value = line.split(": ", 1)
        assert _masked(refused.headers[name]) == _masked(value), name
    told, error = refused.json["error"], json.loads(body)["error"]
    assert told.keys() == error.keys()
    assert _masked(told["message"]) == _masked(error["message"])
    assert (told["type"], told["code"]) == (error["type"], error["code"])


def _masked(text: str) -> str:
    return re.sub(r"\d[\d.]*", "0", re.sub(r"\b[0-9a-f]{32}\b", "ID", text))


def test_every_file_and_heading_it_links_to_exists() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE)
    here = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        file, _, heading = link.partition("#")
        if file:
            assert (PAGE.parent / file).exists(), link
        else:
            assert heading in here, link
