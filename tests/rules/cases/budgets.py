"""When alerts on budgets fire."""

from __future__ import annotations

from tests.rules.case import Case, pushed

MONTH = {
    "gaugeway_budget_name": "everything-monthly",
    "gaugeway_budget_scope": "whole",
    "gaugeway_budget_unit": "usd",
    "gaugeway_budget_window": "month",
}
DAY = {**MONTH, "gaugeway_budget_name": "everything-daily", "gaugeway_budget_window": "day"}
DEV = {"deployment_environment_name": "dev"}


def budget(
    spent: str, limit: str = "10x600", *, of: str = "spent", **labels: str
) -> dict[str, str]:
    """A budget of a month as two workers tell it."""
    which = {**MONTH, **labels}
    workers: tuple[dict[str, str], ...] = (
        {},
        {"service_instance_id": "worker-2", "instance": "worker-2"},
    )
    found: dict[str, str] = {}
    for worker in workers:
        found |= pushed(f"gaugeway_budget_{of}", spent, **which, **worker)
        found |= pushed("gaugeway_budget_limit", limit, **which, **worker)
    return found


CASES = (
    Case(
        "MonthlyBudget80Percent",
        "80 % for an hour, told by two workers",
        budget("8x600"),
        silent=("59m45s",),
        fires="1h",
        labels={**DEV, **MONTH},
        summary="Monthly budget everything-monthly in dev: 80% spent",
    ),
    Case(
        "MonthlyBudget80Percent",
        "production's, beside another environment's of the same name",
        {
            **budget("1x600"),
            **budget("8x600", deployment_environment_name="prod"),
        },
        silent=("59m45s",),
        fires="1h",
        labels={"deployment_environment_name": "prod", **MONTH},
        summary="Monthly budget everything-monthly in prod: 80% spent",
    ),
    Case(
        "MonthlyBudget80Percent",
        "less than 80 %",
        budget("7.99x600"),
        silent=("1h", "2h"),
    ),
    Case(
        "MonthlyBudget80Percent",
        "a day's budget",
        budget("10x600", **DAY),
        silent=("1h", "2h"),
    ),
    Case(
        "MonthlyBudget80Percent",
        "one app's budget of those that each app has",
        {
            **budget("9x600", gaugeway_budget_scope="app", gaugeway_budget_value="web-chat"),
            **budget("1x600", gaugeway_budget_scope="app", gaugeway_budget_value="search"),
        },
        silent=("59m45s",),
        fires="1h",
        labels={
            **DEV,
            **MONTH,
            "gaugeway_budget_scope": "app",
            "gaugeway_budget_value": "web-chat",
        },
        summary="Monthly budget everything-monthly of web-chat in dev: 90% spent",
    ),
    Case(
        "MonthlyBudget95Percent",
        "95 % for five minutes",
        budget("9.5x600"),
        silent=("4m45s",),
        fires="5m",
        labels={**DEV, **MONTH},
        summary="Monthly budget everything-monthly in dev: 95% spent",
    ),
    Case(
        "MonthlyBudget95Percent",
        "less than 95 %",
        budget("9.49x600"),
        silent=("5m", "2h"),
    ),
    Case(
        "BudgetExhausted",
        "a budget that only warns is spent",
        budget("10x600", **DAY),
        silent=("45s",),
        fires="1m",
        labels={**DEV, **DAY},
        summary="Budget everything-daily in dev is used up: 100% spent",
        description="The budget of this day is spent, or so nearly that it refused a request in "
        "the last 15 minutes. If its file says so, requests are refused or go to a cheaper model "
        "until the window ends.",
    ),
    Case(
        "BudgetExhausted",
        "a budget that refuses ends below its limit",
        {
            **budget("9.2x600", **DAY),
            **pushed(
                "gaugeway_budget_denials_total",
                "_x20 1x100",
                gaugeway_budget_name="everything-daily",
                gaugeway_app="web-chat",
            ),
        },
        silent=("5m45s", "20m"),
        fires="6m",
        labels={**DEV, **DAY},
        summary="Budget everything-daily in dev is used up: 92% spent",
        description="The budget of this day is spent, or so nearly that it refused a request in "
        "the last 15 minutes. If its file says so, requests are refused or go to a cheaper model "
        "until the window ends.",
    ),
    Case(
        "BudgetExhausted",
        "nearly spent, and nobody was refused",
        budget("9.99x600", **DAY),
        silent=("1m", "1h"),
    ),
    Case(
        "BudgetExhausted",
        "a request too large for what is left of a budget that is half full",
        {
            **budget("5x600", **DAY),
            **pushed(
                "gaugeway_budget_denials_total",
                "_x20 1x100",
                gaugeway_budget_name="everything-daily",
            ),
        },
        silent=("6m", "10m"),
    ),
    Case(
        "MonthEndForecastOverBudget",
        "more than the limit for an hour",
        budget("10.5x600", of="forecast"),
        silent=("59m45s",),
        fires="1h",
        labels={**DEV, **MONTH},
        summary="Budget everything-monthly in dev will end its month at 105%",
    ),
    Case(
        "MonthEndForecastOverBudget",
        "just the limit",
        budget("10x600", of="forecast"),
        silent=("1h", "2h"),
    ),
    Case(
        "BudgetDenials",
        "the fifth refusal in ten minutes, of a counter that began with four",
        pushed(
            "gaugeway_budget_denials_total",
            "_x20 4 4 5x100",
            gaugeway_budget_name="everything-daily",
            gaugeway_app="web-chat",
        ),
        silent=("5m15s", "15m15s", "20m"),
        fires="5m30s",
        labels={
            **DEV,
            "gaugeway_budget_name": "everything-daily",
            "gaugeway_app": "web-chat",
        },
        summary="Budget everything-daily refuses requests of web-chat in dev",
        description="Requests refused with 429 in ten minutes: 5.",
    ),
    Case(
        "BudgetDenials",
        "four refusals in ten minutes, and as many in the next ten",
        pushed("gaugeway_budget_denials_total", "_x4 4x44 8x100", gaugeway_app="web-chat"),
        silent=("1m", "10m45s", "12m15s", "13m", "25m"),
    ),
    Case(
        "BudgetsUnchecked",
        "the first request of an app whose budgets were not asked",
        pushed("gaugeway_budget_unchecked_total", "_x20 1x100", gaugeway_app="web-chat"),
        silent=("4m45s", "16m"),
        fires="5m",
        labels={**DEV, "gaugeway_app": "web-chat"},
        summary="Requests of web-chat in dev go on without their budgets having been asked",
        description="In ten minutes: 1. Redis could not be asked, or a key of a budget holds "
        "something else. What they spend is added later, and may be past a limit.",
    ),
    Case(
        "BudgetsUnchecked",
        "none, since an outage of long ago",
        pushed("gaugeway_budget_unchecked_total", "40x400", gaugeway_app="web-chat"),
        silent=("15m", "1h"),
    ),
)
