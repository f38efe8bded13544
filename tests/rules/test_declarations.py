"""Every alert is declared, with what a person needs who is woken by it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from grafana.alerts.alert import Alert, Language, Severity
from grafana.alerts.declared import ALERTS, GROUPS
from grafana.dashboards import thresholds
from grafana.dashboards.thresholds import Limits

NAMES = {
    "budgets": "MonthlyBudget80Percent MonthlyBudget95Percent BudgetExhausted "
    "MonthEndForecastOverBudget BudgetDenials BudgetsUnchecked",
    "costs": "CostSpike DailyCostHigh HighAPICosts TokensPerHourHigh UnpricedModel",
    "latency": "HighLatency SlowResponses ProviderLatencyHigh SlowFirstChunk",
    "failures": "HighErrorRate ProviderFailures ProviderRateLimited ProviderCredentials "
    "CacheHitLow",
    "service": "ServiceDown RedisDown BackgroundTaskFailing RedisMemoryHigh HighMemory",
    "pipeline": "CollectorDown BackendDown CollectorDroppingData CollectorQueueFilling "
    "TelemetryStale CardinalityOverflow LedgerLosingEntries WorkerLost LedgerPending",
    "slos": "AvailabilityBudgetFastBurn AvailabilityBudgetSlowBurn LatencyBudgetFastBurn "
    "LatencyBudgetSlowBurn FirstChunkBudgetFastBurn FirstChunkBudgetSlowBurn CostBudgetFastBurn "
    "CostBudgetSlowBurn",
    "logs": "UsageLogSlow UsageLogMissing ErrorLogs",
}
# Nothing that may be tuned: any at all is too much, up is 1, a budget's limit is its limit.
FIXED = {0.0, 1.0}

alerts = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def test_every_alert_is_there_once() -> None:
    declared = {
        group.name.removeprefix("gaugeway-"): [alert.name for alert in group.alerts]
        for group in GROUPS
    }
    assert declared == {group: names.split() for group, names in NAMES.items()}
    assert max(Counter(alert.name for alert in ALERTS).values()) == 1


@alerts
def test_a_limit_comes_from_the_one_file_of_thresholds(alert: Alert) -> None:
    stated = {
        limit
        for value in vars(thresholds).values()
        for limit in ((value.warning, value.critical) if isinstance(value, Limits) else (value,))
        if isinstance(limit, int | float)
    }
    assert alert.limit in stated | FIXED


@alerts
def test_an_alert_says_what_happened_in_words(alert: Alert) -> None:
    assert 15 < len(alert.summary) < 250
    assert 40 < len(alert.description) < 400
    assert alert.description.endswith(".")
    for text in (alert.summary, alert.description):
        assert text.count("{{") == text.count("}}")
        assert set(re.findall(r"\$(\w+)", text)) <= {"labels", "value"}


@alerts
def test_a_text_shows_only_labels_that_the_query_keeps(alert: Alert) -> None:
    kept = {
        name.strip()
        for grouping in re.findall(r"\bby \(([^)]*)\)", alert.value)
        for name in grouping.split(",")
    }
    # Where nothing is grouped, the series' own.
    kept |= {"instance", "job", "signal", "deployment_environment_name", "service_name"}
    for text in (alert.summary, alert.description):
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= kept


@alerts
def test_what_is_measured_in_an_environment_names_it(alert: Alert) -> None:
    of_the_platform = {
        *("CollectorDown", "BackendDown", "CollectorDroppingData", "CollectorQueueFilling"),
    }
    if alert.name not in {*of_the_platform, "UsageLogMissing"}:
        assert "deployment_environment_name" in alert.summary
        assert (
            "deployment_environment_name" in alert.value
            or "gaugeway_slo=" in alert.value
            or alert.name == "TelemetryStale"
            or (alert.name == "CostSpike")
        )


def test_loki_evaluates_what_reads_log_lines() -> None:
    loki = {alert.name for alert in ALERTS if alert.language is Language.LOGQL}
    assert loki == {"UsageLogSlow", "ErrorLogs"}


def test_a_critical_alert_is_what_somebody_has_to_look_at_now() -> None:
    critical = {alert.name for alert in ALERTS if alert.severity is Severity.CRITICAL}
    assert critical == {
        "MonthlyBudget95Percent",
        "BudgetExhausted",
        "LedgerLosingEntries",
        "HighAPICosts",
        "HighLatency",
        "HighErrorRate",
        "ProviderCredentials",
        "ServiceDown",
        "RedisDown",
        "CollectorDown",
        "BackendDown",
        "CollectorDroppingData",
        "TelemetryStale",
        "AvailabilityBudgetFastBurn",
        "LatencyBudgetFastBurn",
        "FirstChunkBudgetFastBurn",
        "CostBudgetFastBurn",
        "UsageLogMissing",
    }
