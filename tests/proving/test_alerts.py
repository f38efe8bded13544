"""Every alert has a fault that causes it, and what is received of it is looked at."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from cli.proving.alerts import Cause, causes_of, finding_of, shortened
from cli.proving.dashboards import dashboards_in
from cli.proving.faults import Fault, all_of
from cli.proving.receiver import Received, receiving, write_receivers
from cli.proving.stages import STAGES
from grafana.alerts.declared import ALERTS
from grafana.dashboards import build
from grafana.dashboards.panel_ids import panel_id
from stack.supervision.client import SupervisorError

CHECKOUT = Path(__file__).parents[2]
DASHBOARDS = dashboards_in(build.FOLDER)
BEGAN = 1_800_000_000.0
[SERVICE_DOWN] = [alert for alert in ALERTS if alert.name == "ServiceDown"]
CAUSES = {"ServiceDown": Cause("the service is stopped", since=BEGAN)}


def told(**annotations: str) -> dict[str, Any]:
    """ServiceDown, as Alertmanager posts it."""
    place = f"http://localhost:3000/d/{SERVICE_DOWN.dashboard}?viewPanel="
    links = {
        "dashboard_url": f"{place}{panel_id(SERVICE_DOWN.panel)}",
        "runbook_url": "/somewhere/docs/runbooks/ServiceDown.md",
    }
    return {
        "status": "firing",
        "startsAt": "2027-01-15T08:00:00.123456789Z",
        "labels": {"alertname": "ServiceDown"},
        "annotations": {**links, **annotations},
    }


def test_every_alert_has_one_fault_and_every_fault_an_alert_that_is_declared() -> None:
    caused = [name for stage in STAGES for name in stage.causes]
    assert sorted(caused) == sorted(alert.name for alert in ALERTS)


def test_what_silences_others_comes_after_them() -> None:
    # No service and no Collector are not repaired before the end: all they silence is heard before.
    last = [sorted(stage.causes) for stage in STAGES[-2:]]
    assert last == [["ServiceDown"], ["CollectorDown"]]
    order = [name for stage in STAGES for name in stage.causes]
    assert order.index("SlowResponses") < order.index("HighLatency")


async def posted(received: Received, team: str, *alerts: dict[str, Any]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(received.url(team), json={"alerts": list(alerts)}) as answer,
    ):
        assert answer.status == 200


async def test_an_alert_that_fires_is_received_and_one_that_is_over_is_not() -> None:
    async with receiving() as received:
        await posted(received, "ops", {**told(), "status": "resolved"})
        assert await received.wait_for({"ServiceDown": BEGAN}, within=0.0) == {"ServiceDown"}
        await posted(received, "ops", told())
        assert await received.wait_for({"ServiceDown": BEGAN}, within=5.0) == frozenset()
    finding = finding_of(SERVICE_DOWN, CAUSES, received, DASHBOARDS, CHECKOUT)
    assert (finding.outcome, finding.how) == ("proven", "the service is stopped")


def test_what_fired_before_its_fault_proves_nothing() -> None:
    received = Received(alerts=[{**told(), "receiver": "ops"}])
    late = {"ServiceDown": Cause("the service is stopped", since=BEGAN + 1)}
    assert finding_of(SERVICE_DOWN, late, received, DASHBOARDS, CHECKOUT).outcome == "failed"


async def test_a_fault_that_cannot_be_brought_about_is_told_and_stops_no_other() -> None:
    stack: Any = object()

    @asynccontextmanager
    async def impossible(_: Any) -> AsyncGenerator[None]:
        raise SupervisorError("no process of that name")
        yield

    there: list[str] = []

    @asynccontextmanager
    async def possible(_: Any) -> AsyncGenerator[None]:
        there.append("other")
        yield
        there.clear()

    faults = (Fault("Redis is stopped", ("RedisDown",), impossible), Fault("o", ("O",), possible))
    async with all_of(faults, stack) as failed:
        assert failed == {"RedisDown": "Redis is stopped: no process of that name"}
        assert there == ["other"]
    assert not there


def test_what_comes_later_counts_from_when_its_fault_was_there() -> None:
    began = {stage.name: float(number) for number, stage in enumerate(STAGES)}
    since = {name: cause for stage in STAGES for name, cause in causes_of(stage, began).items()}
    assert since["TelemetryStale"].since == since["HighMemory"].since == 0.0
    assert since["LatencyBudgetSlowBurn"].since == since["HighLatency"].since > 0.0
    assert since["ServiceDown"].since == len(STAGES) - 2


async def test_an_alert_for_another_team_or_with_a_broken_link_is_not_proven() -> None:
    for team, alert in (
        ("dev", told()),
        ("ops", told(dashboard_url="/d/nowhere?viewPanel=1")),
        ("ops", told(runbook_url="docs/runbooks/Nowhere.md")),
        ("ops", told(runbook_url="")),
    ):
        received = Received(alerts=[{**alert, "receiver": team}])
        finding = finding_of(SERVICE_DOWN, CAUSES, received, DASHBOARDS, CHECKOUT)
        assert finding.outcome == "failed", finding


def test_an_alert_that_nothing_causes_is_not_proven_even_when_it_is_received() -> None:
    received = Received(alerts=[{**told(), "receiver": "ops"}])
    finding = finding_of(SERVICE_DOWN, {}, received, DASHBOARDS, CHECKOUT)
    assert finding.outcome == "not proven"
    assert finding_of(SERVICE_DOWN, CAUSES, Received(), DASHBOARDS, CHECKOUT).outcome == "failed"


def test_each_team_has_a_receiver_of_its_own(tmp_path: Path) -> None:
    folder = write_receivers(tmp_path / "receivers", Received(port=1))
    assert (folder / "webhook-billing").read_text() == "http://127.0.0.1:1/billing"
    assert sorted(file.name for file in folder.iterdir()) == [
        *("webhook-billing", "webhook-dev", "webhook-ops")
    ]


def test_alertmanager_waits_less_and_is_else_as_it_is_declared() -> None:
    declared = (CHECKOUT / "backends" / "alertmanager.yaml").read_text()
    before, after = yaml.safe_load(declared), yaml.safe_load(shortened(declared))
    assert (after["route"]["group_wait"], after["route"]["group_interval"]) == ("1s", "1s")
    waits = {name: before["route"][name] for name in ("group_wait", "group_interval")}
    assert {**after, "route": {**after["route"], **waits}} == before
