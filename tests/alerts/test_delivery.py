"""An alert reaches somebody: from what is measured and logged to a webhook, all parts real."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from stack.settings import Settings
from tests.alerts.delivery import LASTING, Webhook, get, push_logs, running, webhook
from tests.alerts.secret_files import fill
from tests.rules.test_prometheus import push
from tests.stack.conftest import MakeSettings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SLOW_ENOUGH = 10_001


@dataclass(frozen=True, slots=True)
class Delivery:
    settings: Settings
    webhook: Webhook

    def firing(self, backend: str, name: str) -> list[dict[str, str]]:
        """The labels of each alert of that name that its backend says fires."""
        path = "api/v1/alerts" if backend == "prometheus" else "prometheus/api/v1/alerts"
        alerts = get(f"{self.settings.url(backend)}/{path}")["data"]["alerts"]
        return [
            alert["labels"]
            for alert in alerts
            if alert["labels"]["alertname"] == name and alert["state"] == "firing"
        ]


@pytest.fixture
def delivery(make_settings: MakeSettings, tmp_path: Path) -> Generator[Delivery]:
    with webhook() as received:
        folder = fill(tmp_path / "receivers", webhook_ops=received.url, webhook_dev=received.url)
        settings = make_settings(
            receivers=folder, inherited={"GAUGEWAY_GRAFANA_URL": "https://grafana.example.com/"}
        )
        with running(settings):
            yield Delivery(settings, received)


def test_an_alert_of_prometheus_is_delivered_to_its_team(delivery: Delivery) -> None:
    push(delivery.settings.url("prometheus"), started_before=60)
    alert = delivery.webhook.wait_for("ProviderCredentials")
    assert alert["status"] == "firing"
    assert alert["labels"] == {
        "alertname": "ProviderCredentials",
        "severity": "critical",
        "team": "ops",
        "deployment_environment_name": "dev",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "gpt-4o",
        "http_response_status_code": "401",
    }
    [notification] = [one for one in delivery.webhook.notifications if alert in one["alerts"]]
    assert notification["receiver"] == "webhook-ops"


def test_alerts_on_logs_fire_at_their_boundary_and_are_delivered(delivery: Delivery) -> None:
    loki = delivery.settings.url("loki")
    push_logs(loki, 9, service="nine", body="it broke", severity=17)
    push_logs(loki, 50, service="warned", body="it creaks", severity=13)
    push_logs(loki, 10, service="ten", body="it broke", severity=17)
    alert = delivery.webhook.wait_for("ErrorLogs")
    assert alert["labels"] == {
        "alertname": "ErrorLogs",
        "severity": "warning",
        "team": "dev",
        "deployment_environment_name": "dev",
        "service_name": "ten",
    }
    # Evaluated at the same moments, the others had not enough.
    assert [one["service_name"] for one in delivery.firing("loki", "ErrorLogs")] == ["ten"]
    assert alert["annotations"]["summary"] == "ten in dev keeps logging errors"
    assert alert["annotations"]["dashboard_url"].startswith("https://grafana.example.com/d/")
    assert alert["annotations"]["runbook_url"].endswith("docs/runbooks/ErrorLogs.md")
    # A notification tells milliseconds alone, and rules are evaluated each second.
    assert round(_waited(delivery, alert)) == int(LASTING.removesuffix("s"))


def _waited(delivery: Delivery, alert: dict[str, str]) -> float:
    """Seconds from when the condition first held to when the alert fired."""
    alerts = get(f"{delivery.settings.url('loki')}/prometheus/api/v1/alerts")["data"]["alerts"]
    [held] = [one["activeAt"] for one in alerts if one["labels"] == alert["labels"]]
    return (_time(alert["startsAt"]) - _time(held)).total_seconds()


def _time(text: str) -> datetime:
    # Python reads six digits of a second, Go writes nine.
    whole, _, rest = text.partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6].rstrip('Z').ljust(6, '0')}+00:00")


def test_slow_inferences_fire_by_their_usage_records_alone(delivery: Delivery) -> None:
    loki = delivery.settings.url("loki")
    for model, count, latency, body in (
        ("four", 4, SLOW_ENOUGH, "usage recorded"),
        ("at-the-limit", 9, SLOW_ENOUGH - 1, "usage recorded"),
        ("other-records", 9, SLOW_ENOUGH, "request answered"),
        ("five", 5, SLOW_ENOUGH, "usage recorded"),
    ):
        facts: dict[str, str | int] = {
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "latency_ms": latency,
        }
        push_logs(loki, count, body=body, attributes=facts)
    alert = delivery.webhook.wait_for("UsageLogSlow")
    assert alert["labels"] == {
        "alertname": "UsageLogSlow",
        "severity": "warning",
        "team": "dev",
        "deployment_environment_name": "dev",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "five",
    }
    fired = [one["gen_ai_request_model"] for one in delivery.firing("loki", "UsageLogSlow")]
    assert fired == ["five"]
    assert "5 inferences at five of openai in dev" in alert["annotations"]["summary"]
