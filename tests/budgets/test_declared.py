"""The budgets file: what it may say, and what is said of it when it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.budgets.declared import (
    DEFAULT_PATH,
    BudgetsError,
    Declared,
    Route,
    Threshold,
    load_budgets,
)
from tests.budgets.building import served


def load(folder: Path, text: str, **changes: str) -> Declared:
    path = folder / "budgets.yaml"
    path.write_text(text)
    zone = changes.get("time_zone", "UTC")
    return load_budgets(
        path, targets=served(folder), time_zone=zone, components=frozenset({"search"})
    )


def said(folder: Path, text: str) -> str:
    with pytest.raises(BudgetsError) as caught:
        load(folder, text)
    return str(caught.value)


def one(field: str, *, name: str = "b", limit: str = "{usd: 1}", window: str = "day") -> str:
    return f"budgets:\n  - {{name: {name}, window: {window}, limit: {limit}, {field}}}\n"


def test_the_shipped_file_warns_and_refuses_nothing(tmp_path: Path) -> None:
    found = load_budgets(
        DEFAULT_PATH, targets=served(tmp_path), time_zone="Asia/Tokyo", components=frozenset()
    )
    assert [(b.name, b.scope, b.window, b.unit, b.limit) for b in found.budgets] == [
        ("everything-daily", "whole", "day", "usd", 10 * 10**12),
        ("everything-monthly", "whole", "month", "usd", 10 * 10**12),
    ]
    assert not any(budget.refuses or budget.routes for budget in found.budgets)
    assert found.budgets[0].zone.key == "Asia/Tokyo"


def test_thresholds_rise_and_routes_fall(tmp_path: Path) -> None:
    (budget,) = load(
        tmp_path,
        one(
            "actions: [{at: 100, do: refuse}, {at: 50, do: route, model: cheap}, {at: 80, do: warn}"
            ", {at: 95, do: route, model: distant}]",
            limit="{tokens: 1001}",
        ),
    ).budgets
    assert budget.thresholds == (
        Threshold(50, 501),
        Threshold(80, 801),
        Threshold(95, 951),
        Threshold(100, 1001),
    )
    assert budget.routes == (Route(951, "distant", "chat"), Route(501, "cheap", "chat"))
    assert budget.routes_for("chat", "dear") == budget.routes
    assert budget.routes_for("chat", "cheap") == (Route(951, "distant", "chat"),)
    assert budget.routes_for("chat", "distant") == ()
    assert budget.routes_for("embeddings", "vectors") == ()
    assert [budget.passed(spent) for spent in (500, 501, 950, 1001)] == [None, 50, 80, 100]


@pytest.mark.parametrize(
    ("written", "picodollars"),
    [
        ("10.10", 10_100_000_000_000),
        ("0.1", 100_000_000_000),
        ('"9007.199254740993"', 9_007_199_254_740_993),
        ("1e-12", 1),
    ],
)
def test_amounts_are_exact_with_quotes_and_without(
    tmp_path: Path, written: str, picodollars: int
) -> None:
    (budget,) = load(tmp_path, one("scope: whole", limit=f"{{usd: {written}}}")).budgets
    assert budget.limit == picodollars


def test_a_budgets_own_zone_goes_before_the_files_and_that_before_the_settings(
    tmp_path: Path,
) -> None:
    text = (
        "time_zone: Europe/Berlin\nbudgets:\n"
        "  - {name: a, window: day, limit: {requests: 1}}\n"
        "  - {name: b, window: day, limit: {requests: 1}, time_zone: Asia/Tokyo}\n"
    )
    assert [b.zone.key for b in load(tmp_path, text).budgets] == ["Europe/Berlin", "Asia/Tokyo"]


def test_no_budgets_are_budgets_too(tmp_path: Path) -> None:
    assert load(tmp_path, "budgets: []\n").budgets == ()


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "{}\n", "time_zone: UTC\n"])
def test_a_file_that_says_nothing_of_budgets_does_not_mean_none(tmp_path: Path, text: str) -> None:
    assert "budgets: []" in said(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "needles"),
    [
        (one("scope: team"), ("(b)", "scope", "'whole'")),
        (one("scop: app"), ("(b)", "scop", "no such setting")),
        (one("value: x"), ("(b)", "scope is the whole")),
        (one("scope: user, value: x"), ("(b)", "hash only")),
        (one("scope: model, value: x"), ("'b'", "value", "no model 'x'", "cheap")),
        (one("scope: provider, value: x"), ("'b'", "value", "no provider 'x'", "elsewhere")),
        (one("scope: component, value: x"), ("'b'", "no component 'x'", "search")),
        (one("scope: whole", name="Big"), ("budgets.0 (Big).name",)),
        (one("scope: whole", window="year"), ("(b)", "window", "'month'")),
        (one("time_zone: Europe/Berlln"), ("(b)", "time_zone", "not a time zone")),
        (one("scope: whole", limit="{usd: 0}"), ("(b)", "limit.usd", "greater than 0")),
        (one("scope: whole", limit="{usd: -1}"), ("(b)", "limit.usd", "greater than 0")),
        (one("scope: whole", limit="{usd: true}"), ("(b)", "limit.usd", "not true or false")),
        (one("scope: whole", limit="{usd: .nan}"), ("(b)", "limit.usd")),
        (one("scope: whole", limit="{usd: .inf}"), ("(b)", "limit.usd")),
        (one("scope: whole", limit="{usd: 1e-13}"), ("(b)", "limit.usd", "12 decimal")),
        (one("scope: whole", limit="{tokens: 1.5}"), ("(b)", "limit.tokens")),
        (one("scope: whole", limit="{requests: true}"), ("(b)", "limit.requests")),
        (one("scope: whole", limit="{}"), ("(b)", "limit", "one of usd, tokens or requests")),
        (one("scope: whole", limit="{usd: 1, tokens: 1}"), ("(b)", "limit", "one of usd")),
        (one("actions: [{at: 0, do: warn}]"), ("(b)", "actions.0.at")),
        (one("actions: [{at: 101, do: warn}]"), ("(b)", "actions.0.at")),
        (one("actions: [{at: 80%, do: warn}]"), ("(b)", "actions.0.at")),
        (one("actions: [{at: 80, do: mail}]"), ("(b)", "actions.0.do", "'refuse'")),
        (one("actions: [{at: 80, do: refuse}]"), ("(b)", "actions.0", "lower the limit")),
        (one("actions: [{at: 80, do: route}]"), ("(b)", "actions.0", "needs model")),
        (one("actions: [{at: 80, do: warn, model: cheap}]"), ("(b)", "only 'do: route'")),
        (one("actions: [{at: 80, do: warn}, {at: 80, do: warn}]"), ("(b)", "same action twice")),
        (one("actions: [{at: 95, do: route, model: x}]"), ("'b'", "at 95", "model 'x'", "cheap")),
        (
            one("scope: model, value: dear, actions: [{at: 95, do: route, model: vectors}]"),
            ("'b'", "at 95", "embeddings", "chat"),
        ),
        (one("scope: whole") + one("scope: app")[len("budgets:\n") :], ("two budgets named 'b'",)),
        ("budgets:\n  - {name: b, name: c}\n", ("not valid YAML", "'name' is there twice")),
        ("budgets: [\n", ("not valid YAML",)),
        ("budgets: 5\n", ("budgets",)),
        ("- 1\n", ("(whole)",)),
        ("budget: []\n", ("budget", "no such setting")),
    ],
)
def test_a_bad_file_is_refused_and_says_which_budget_and_field(
    tmp_path: Path, text: str, needles: tuple[str, ...]
) -> None:
    message = said(tmp_path, text)
    assert message.startswith(f"The budgets file {tmp_path / 'budgets.yaml'} ")
    for needle in needles:
        assert needle in message


def test_a_missing_file_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(BudgetsError, match=r"cannot be read.*GAUGEWAY_BUDGETS"):
        load_budgets(
            tmp_path / "none.yaml", targets=served(tmp_path), time_zone="UTC", components=set()
        )
