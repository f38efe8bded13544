"""What each channel is told, by a real Alertmanager, and what it is not told."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stack.settings import Settings
from tests.alerts.delivery import running
from tests.alerts.secret_files import PAGERDUTY, fill
from tests.alerts.sinks import Mailbox, Posts, mailbox, posts
from tests.stack.conftest import MakeSettings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

TITLE = "[FIRING] ProviderCredentials in prod (critical, ops)"
PROD = {"deployment_environment_name": "prod"}
CREDENTIALS = {"alertname": "ProviderCredentials", "severity": "critical", "team": "ops", **PROD}
ENDED = "2020-01-01T00:00:00Z"
LINKS = ("https://grafana.example.com/d/provider-health", "docs/runbooks/ProviderCredentials.md")


@dataclass(frozen=True, slots=True)
class Channels:
    settings: Settings
    posts: Posts
    mailbox: Mailbox

    def tell(self, *alerts: dict[str, str], **times: str) -> None:
        """Let alerts of these labels fire, or end with `endsAt` among the times."""
        annotations = {
            "summary": "openai refuses our key",
            "description": "Every call fails.",
            "dashboard_url": LINKS[0],
            "runbook_url": LINKS[1],
        }
        body = [{"labels": labels, "annotations": annotations, **times} for labels in alerts]
        request = urllib.request.Request(
            f"{self.settings.url('alertmanager')}/api/v2/alerts",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture
def channels(make_settings: MakeSettings, tmp_path: Path) -> Generator[Channels]:
    with posts() as posted, mailbox() as mails:
        folder = fill(
            tmp_path / "receivers",
            slack=posted.url("slack"),
            slack_dev=posted.url("slack-dev"),
            discord=posted.url("discord"),
            webhook=posted.url("webhook"),
            pagerduty=PAGERDUTY,
            email="ops@example.com, boss@example.com",
            smtp=f"smtp://127.0.0.1:{mails.port}?from=gaugeway@example.com",
        )
        settings = make_settings(receivers=folder)
        with running(settings, alertmanager_alone=True, pagerduty_url=posted.url("pagerduty")):
            yield Channels(settings, posted, mails)


def awaited(question: Callable[[], Any], *, within: float = 30.0) -> Any:
    end = time.monotonic() + within
    while not (answer := question()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return answer


def test_a_failing_credential_is_told_everywhere_with_its_links(channels: Channels) -> None:
    channels.tell(CREDENTIALS)
    [slack] = awaited(lambda: channels.posts.to("slack"))
    [attachment] = slack["attachments"]
    assert (attachment["title"], attachment["title_link"]) == (TITLE, LINKS[0])
    [discord] = awaited(lambda: channels.posts.to("discord"))
    [embed] = discord["embeds"]
    assert embed["title"] == TITLE
    [paged] = awaited(lambda: channels.posts.to("pagerduty"))
    assert (paged["routing_key"], paged["payload"]["severity"]) == (PAGERDUTY, "critical")
    assert (paged["payload"]["summary"], paged["client_url"]) == (TITLE, LINKS[0])
    [(recipients, mail)] = awaited(lambda: channels.mailbox.mails)
    assert sorted(recipients) == ["boss@example.com", "ops@example.com"]
    assert f"Subject: {TITLE}" in mail
    details = paged["payload"]["custom_details"]["text"]
    for text in (attachment["text"], embed["description"], details, _unfolded(mail)):
        assert "openai refuses our key\nEvery call fails.\n" in text
        assert all(link in text for link in LINKS)


def _unfolded(mail: str) -> str:
    """A mail's lines as they were before they were made short: quoted-printable."""
    return mail.replace("=\r\n", "").replace("\r\n", "\n")


def test_what_ended_is_told_apart_from_what_goes_on(channels: Channels) -> None:
    channels.tell({**CREDENTIALS, "model": "a"}, {**CREDENTIALS, "model": "b"})
    [first] = awaited(lambda: channels.posts.to("slack"))
    channels.tell({**CREDENTIALS, "model": "b"}, startsAt=ENDED, endsAt=ENDED)
    _, second = awaited(lambda: len(told := channels.posts.to("slack")) == 2 and told)
    assert second["attachments"][0]["title"] == TITLE
    said = [
        one["attachments"][0]["text"].count("openai refuses our key") for one in (first, second)
    ]
    over = [one["attachments"][0]["text"].count("Over: openai") for one in (first, second)]
    assert (said, over) == ([2, 2], [0, 1])


def test_a_warning_is_told_on_slack_alone_to_its_own_team(channels: Channels) -> None:
    channels.tell(
        {"alertname": "SlowResponses", "severity": "warning", "team": "dev"},
        {"alertname": "CostSpike", "severity": "warning", "team": "billing"},
    )
    [dev] = awaited(lambda: channels.posts.to("slack-dev"))
    [billing] = awaited(lambda: channels.posts.to("slack"))
    assert "SlowResponses" in dev["attachments"][0]["title"]
    assert "CostSpike" in billing["attachments"][0]["title"]
    awaited(lambda: len(channels.posts.to("webhook")) == 2)
    told = {path for path, bodies in channels.posts.bodies.items() if bodies}
    assert (told, channels.mailbox.mails) == ({"/slack", "/slack-dev", "/webhook"}, [])


def test_a_service_that_is_down_silences_its_symptoms_there_and_no_cause(
    channels: Channels,
) -> None:
    dev, prod = ({"deployment_environment_name": name} for name in ("dev", "prod"))
    critical = {"severity": "critical", "team": "ops"}
    channels.tell({"alertname": "ServiceDown", **critical, **dev})
    awaited(lambda: channels.posts.to("webhook"))
    channels.tell(
        {"alertname": "HighErrorRate", "severity": "critical", "team": "dev", **dev},
        {"alertname": "TelemetryStale", **critical, **dev},
        {"alertname": "TelemetryStale", **critical, **prod},
        {"alertname": "RedisDown", **critical, **dev},
    )
    awaited(lambda: len(channels.posts.to("webhook")) == 3)
    told = {
        (one["commonLabels"]["alertname"], one["commonLabels"]["deployment_environment_name"])
        for one in channels.posts.to("webhook")
    }
    # The silent ones waited for others of their groups no longer than these.
    assert told == {("ServiceDown", "dev"), ("TelemetryStale", "prod"), ("RedisDown", "dev")}
    assert _silenced(channels) == {"HighErrorRate", "TelemetryStale"}


def test_a_collector_that_is_down_silences_nothing_of_another(channels: Channels) -> None:
    critical = {"severity": "critical", "team": "ops", "job": "collector"}
    channels.tell({"alertname": "CollectorDown", **critical, "instance": "one:8888"})
    awaited(lambda: channels.posts.to("webhook"))
    channels.tell(
        {"alertname": "CollectorDroppingData", **critical, "instance": "one:8888"},
        {"alertname": "CollectorDroppingData", **critical, "instance": "two:8888"},
        {"alertname": "UsageLogMissing", "severity": "critical", "team": "ops"},
    )
    _, dropping = awaited(lambda: len(told := channels.posts.to("webhook")) == 2 and told)
    assert [one["labels"]["instance"] for one in dropping["alerts"]] == ["two:8888"]
    assert _silenced(channels) == {"CollectorDroppingData", "UsageLogMissing"}


def _silenced(channels: Channels) -> set[str]:
    url = f"{channels.settings.url('alertmanager')}/api/v2/alerts"
    with urllib.request.urlopen(url, timeout=10) as answer:
        alerts = json.load(answer)
    return {one["labels"]["alertname"] for one in alerts if one["status"]["inhibitedBy"]}
