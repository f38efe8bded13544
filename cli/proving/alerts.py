"""Every alert fires when its fault is there, and is received from the real Alertmanager."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from cli.proving.dashboards import Dashboard, dashboards_in
from cli.proving.declared import write_budgets, write_targets
from cli.proving.faults import all_of
from cli.proving.finding import Finding
from cli.proving.links import BrokenLinkError, place_of
from cli.proving.private_stack import PrivateStack, private_settings, running
from cli.proving.receiver import Received, receiving, write_receivers
from cli.proving.scaling import divided, scaled
from cli.proving.stages import STAGES, Stage
from cli.proving.traffic import traffic
from grafana.alerts.alert import Alert
from grafana.alerts.declared import ALERTS
from stack.components.alerting import alertmanager_file
from stack.observations import Prometheus
from stack.settings import Settings

# An hour is a minute.
SCALE: Final = 60
# The least it may be: full after some hundred requests without Redis.
_SMALL_JOURNAL: Final = 64 * 1024
_CALM_SECONDS: Final = 60.0
_FIRING: Final = 'ALERTS{alertstate="firing"}'
_WAITING: Final = re.compile(r"(?<=group_wait: )\w+|(?<=group_interval: )\w+")


@dataclass(frozen=True, slots=True)
class Cause:
    """What causes an alert, in words, and since when in Unix seconds: what fired before does not
    count.
    """

    said: str
    since: float


async def prove_alerts(
    asking: Settings, folder: Path, told: Callable[[str], None], stages: Iterable[Stage] = STAGES
) -> tuple[Finding, ...]:
    """Start a stack below `folder`, break it, and return what came of every alert.

    Raises `stack.lifecycle.StartError`.
    """
    dashboards = dashboards_in(asking.checkout / "grafana" / "dashboards" / "json")
    async with receiving() as received:
        environment = {
            "GAUGEWAY_TARGETS": str(write_targets(folder / "targets.yaml")),
            "GAUGEWAY_BUDGETS": str(write_budgets(folder / "budgets.yaml")),
            "GAUGEWAY_RECEIVERS_DIR": str(write_receivers(folder / "receivers", received)),
            "GAUGEWAY_SIMULATE_CONTROL": "1",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "GAUGEWAY_JOURNAL_MAX_BYTES": str(_SMALL_JOURNAL),
            "GAUGEWAY_LEDGER_MEMORY_MAX_BYTES": "0",
        }
        settings = private_settings(asking, folder, environment)
        told("starting a second stack, to break it")
        async with running(settings, lambda rules: scaled(rules, SCALE), every="1s") as stack:
            await _wait_less(stack)
            await _calm(stack)
            causes: dict[str, Cause] = {}
            began: dict[str, float] = {}
            for stage in stages:
                heard = sum(1 for name, cause in causes.items() if _is_heard(name, cause, received))
                told(f"alerts: {stage.name}; {heard} of {len(ALERTS)} received so far")
                began[stage.name] = time.time()
                awaited = causes_of(stage, began)
                causes |= awaited | await _gone_through(stage, awaited, stack, received)
    return tuple(
        finding_of(alert, causes, received, dashboards, asking.checkout) for alert in ALERTS
    )


def causes_of(stage: Stage, began: Mapping[str, float]) -> dict[str, Cause]:
    """Return the cause of each alert that a stage waits for; `began` is by the stages' names."""
    stages = dict.fromkeys(stage.causes, stage.name) | {one.alert: one.stage for one in stage.later}
    return {name: Cause(said, began[stages[name]]) for name, said in stage.causes.items()}


async def _gone_through(
    stage: Stage, awaited: Mapping[str, Cause], stack: PrivateStack, received: Received
) -> dict[str, Cause]:
    """Wait for a stage's alerts; return what stood in the way of those that had no cause."""
    async with contextlib.AsyncExitStack() as entered:
        if stage.rate:
            await entered.enter_async_context(traffic(stack, stage.rate, rarities=False))
        failed = await entered.enter_async_context(all_of(stage.faults, stack))
        since = {name: cause.since for name, cause in awaited.items() if name not in failed}
        await received.wait_for(since, within=stage.seconds)
    return {name: Cause(f"not caused: {why}", inf) for name, why in failed.items()}


async def _wait_less(stack: PrivateStack) -> None:
    """Shorten how long Alertmanager waits for more of a group, and have it read that."""
    file = alertmanager_file(stack.settings)
    file.write_text(shortened(file.read_text()))
    url = f"{stack.settings.url('alertmanager')}/-/reload"
    async with aiohttp.ClientSession() as session, session.post(url) as answer:
        answer.raise_for_status()


async def _calm(stack: PrivateStack) -> None:
    """Wait, within a bound, until nothing fires: while a stack starts, its service is down."""
    end = time.monotonic() + _CALM_SECONDS
    async with aiohttp.ClientSession() as session:
        prometheus = Prometheus(session, stack.settings.url("prometheus"))
        while time.monotonic() < end:
            if not await prometheus.query(_FIRING):
                return
            await asyncio.sleep(1.0)


def shortened(configuration: str) -> str:
    """Return Alertmanager's configuration with shorter waits for more of a group."""
    shorter = divided(SCALE)
    return _WAITING.sub(lambda found: shorter(found[0]), configuration)


def _is_heard(name: str, cause: Cause, received: Received) -> bool:
    return any(received.of(name, since=cause.since))


def finding_of(
    alert: Alert,
    causes: Mapping[str, Cause],
    received: Received,
    dashboards: tuple[Dashboard, ...],
    checkout: Path,
) -> Finding:
    """Return what came of an alert: `causes` says which fault was there for each."""
    place = f"{alert.team}, {alert.severity}"
    if (cause := causes.get(alert.name)) is None:
        return Finding("alert", place, alert.name, "not proven", "no fault causes it here")
    told = next(received.of(alert.name, since=cause.since), None)
    if told is None:
        return Finding("alert", place, alert.name, "failed", f"not received; {cause.said}")
    if wrong := _wrong(alert, told, dashboards, checkout):
        return Finding("alert", place, alert.name, "failed", wrong)
    return Finding("alert", place, alert.name, "proven", cause.said)


def _wrong(
    alert: Alert, told: dict[str, Any], dashboards: tuple[Dashboard, ...], checkout: Path
) -> str:
    """Return what is wrong with a notification: who got it, or where its links lead."""
    if told["receiver"] != alert.team:
        return f"received by {told['receiver']}"
    try:
        place_of(dashboards, told["annotations"]["dashboard_url"])
    except (BrokenLinkError, KeyError) as error:
        return f"its dashboard: {error}"
    runbook = Path(urlsplit(str(told["annotations"].get("runbook_url", ""))).path).name
    if not (checkout / "docs" / "runbooks" / runbook).is_file():
        return f"there is no runbook {runbook}"
    return ""
