"""Drives a stack and looks at panels and links until everything is there, or time is up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Final

import aiohttp

from cli.proving.answers import Backends
from cli.proving.applications import application
from cli.proving.beside import beside
from cli.proving.dashboards import Dashboard, dashboards_in
from cli.proving.declared import write_budgets, write_targets
from cli.proving.finding import Finding
from cli.proving.links import link_checks
from cli.proving.panels import Check, panel_checks
from cli.proving.private_stack import PrivateStack, private_settings, running
from cli.proving.scaling import often_evaluated
from cli.proving.traffic import traffic
from stack.settings import Settings

# What is shown over the last minute or two must be there; longer than all of the stack's intervals.
BOUND_SECONDS: Final = 170.0
_AT_ONCE: Final = 8
_AGAIN_SECONDS: Final = 3.0
# A version is another one when the one before was seen a minute earlier.
_VERSION_SECONDS: Final = 70.0
# One that writes what is often written, so that graphs of reloads show something.
_RELOAD_SECONDS: Final = 20.0

Told = Callable[[str], None]


async def prove_panels_and_links(
    asking: Settings, folder: Path, told: Told, *, bound: float = BOUND_SECONDS
) -> tuple[Finding, ...]:
    """Start a stack below `folder`, use it, and return what came of every panel and link.

    `told` hears how far it is. Raises `stack.lifecycle.StartError`.
    """
    environment = {
        "GAUGEWAY_TARGETS": str(write_targets(folder / "targets.yaml")),
        "GAUGEWAY_BUDGETS": str(write_budgets(folder / "budgets.yaml")),
        "GAUGEWAY_SIMULATE_CONTROL": "1",
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    }
    settings = private_settings(asking, folder, environment)
    dashboards = dashboards_in(settings.checkout / "grafana" / "dashboards" / "json")
    told("starting a stack of its own")
    async with (
        running(settings, lambda rules: often_evaluated(rules, "5s")) as stack,
        aiohttp.ClientSession() as session,
        traffic(stack),
        _changes(stack, folder / "budgets.yaml"),
    ):
        backends = Backends(session, stack.urls)
        checks = _checks(dashboards, backends)
        return await proven(checks, told, bound=bound)


async def proven(
    checks: list[Check], told: Told, *, bound: float, pause: float = _AGAIN_SECONDS
) -> tuple[Finding, ...]:
    """Make checks again, those that fail, until none does or `bound` seconds are over."""
    end = time.monotonic() + bound
    slots = asyncio.Semaphore(_AT_ONCE)
    findings: list[Finding | None] = [None] * len(checks)

    async def make(index: int) -> None:
        async with slots:
            findings[index] = await checks[index]()

    while True:
        open_checks = [
            index for index, found in enumerate(findings) if found is None or not found.good
        ]
        if not open_checks:
            break
        await asyncio.gather(*(make(index) for index in open_checks))
        failed = sum(1 for found in findings if found is not None and not found.good)
        told(f"panels and links: {len(checks) - failed} of {len(checks)} proven")
        if not failed or time.monotonic() > end:
            break
        await asyncio.sleep(pause)
    return tuple(found for found in findings if found is not None)


def _checks(dashboards: tuple[Dashboard, ...], backends: Backends) -> list[Check]:
    return [
        *panel_checks(dashboards, backends, time.time),
        *link_checks(dashboards, backends, time.time),
    ]


def _changes(stack: PrivateStack, budgets: Path) -> AbstractAsyncContextManager[None]:
    """Let happen what dashboards mark: a new version, and budgets that are read again."""
    return beside(_two_versions(stack), _rewritten(budgets), _administered(stack))


async def _two_versions(stack: PrivateStack) -> None:
    async with application(stack, ["--seconds", str(_VERSION_SECONDS)], version="1") as first:
        await first.wait()
    async with application(stack, ["--seconds", "3600"], version="2") as second:
        await second.wait()


async def _rewritten(budgets: Path) -> None:
    while True:
        await asyncio.sleep(_RELOAD_SECONDS)
        await asyncio.to_thread(_touch, budgets)


def _touch(budgets: Path) -> None:
    """Make it another file of the same meaning: one that is only newer is not read again."""
    write_budgets(budgets)
    with budgets.open("a") as file:
        file.write(f"# {time.time()}\n")


async def _administered(stack: PrivateStack) -> None:
    """Ask what an operator asks."""
    key = (stack.settings.home.path / "dev-admin-key").read_text().strip()
    headers = {"authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            with suppress(aiohttp.ClientError):
                url = f"{stack.settings.url('service')}/admin/usage?period=today"
                async with session.get(url) as answer:
                    await answer.read()
            await asyncio.sleep(_RELOAD_SECONDS)
