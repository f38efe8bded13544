"""`gaugeway demo`."""

from __future__ import annotations

import asyncio
import random
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli.console import console, show_error, show_json
from cli.demo_keys import demo_keys
from cli.engine import look
from cli.journey_view import journey_document, show_journey
from cli.operations_page import operations_page
from stack.containers import runs_in_containers
from stack.journey import APP, Journey, JourneyError, Traveller, chosen_request
from stack.links import links
from stack.record import as_running
from stack.settings import Settings, load
from stack.status import ComponentStatus, StackStatus
from stack.traffic import Bounds, Report, Scenarios, drive

_RATE = 6.0
# Each signal's bound: several export intervals and a busy machine.
_BOUND_SECONDS = 60.0
_NEEDED = ("service", "collector", "prometheus", "loki", "tempo")


def demo(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long the traffic lasts.")
    ] = 60.0,
) -> None:
    """Send varied traffic, then follow one request through traces, metrics and logs.

    The traffic asks simulated models only, so it costs nothing. Exits with 1, naming it, when a
    signal of the followed request does not arrive within a minute.
    """
    settings = as_running(load())
    status = asyncio.run(look(settings))
    if missing := _not_ready(status):
        for line in _what_to_do(status, missing):
            show_error(line)
        raise typer.Exit(1)
    keys, app = _keys(settings, status)
    journey_key = keys.pop(app)
    control = settings.environment == "dev"
    screen = Console(stderr=True, highlight=False) if as_json else console()
    report = asyncio.run(_traffic(settings, list(keys.values()) or [journey_key], seconds, screen))
    try:
        with screen.status("following one request …"):
            journey = asyncio.run(_follow(settings, journey_key, app, control=control))
    except JourneyError as error:
        for line in str(error).splitlines():
            show_error(line)
        raise typer.Exit(1) from None
    _show(settings, status, report, journey, as_json=as_json)


def _not_ready(status: StackStatus) -> list[ComponentStatus]:
    return [part for part in status.components if part.name in _NEEDED and not part.ready]


def _what_to_do(status: StackStatus, missing: list[ComponentStatus]) -> list[str]:
    """Return what to tell of parts that are not ready; `up` helps only a stack that is down."""
    if status.up:
        return [f"{part.name} is not ready: {part.hint}" for part in missing]
    names = ", ".join(part.name for part in missing)
    return [f"{names}: not ready; start the stack with `gaugeway up --detach`"]


def _keys(settings: Settings, status: StackStatus) -> tuple[dict[str, str], str]:
    """Return keys by app and the app that the followed request is sent as."""
    if settings.api_key or runs_in_containers(settings.home):
        # A service whose keys are not here: the one that is known sends everything.
        return {settings.api_key_app: status.api_key}, settings.api_key_app
    return demo_keys(settings.home), APP


async def _traffic(settings: Settings, keys: list[str], seconds: float, screen: Console) -> Report:
    rng = random.Random()  # noqa: S311 - varied, not secret
    scenarios = Scenarios(rng, control=settings.environment == "dev")
    sending = asyncio.create_task(
        drive(settings.url("service"), keys, Bounds(_RATE, seconds), scenarios, rng)
    )
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task("sending traffic", total=seconds)
        while not sending.done():
            await asyncio.wait({sending}, timeout=0.5)
            progress.advance(task, 0.5)
    return await sending


async def _follow(settings: Settings, key: str, app: str, *, control: bool) -> Journey:
    async with aiohttp.ClientSession() as session:
        traveller = Traveller(settings, session, _BOUND_SECONDS, app)
        return await traveller.follow(key, chosen_request(control=control))


def _show(
    settings: Settings, status: StackStatus, report: Report, journey: Journey, *, as_json: bool
) -> None:
    grafana = any(part.name == "grafana" and part.ready for part in status.components)
    addresses = links(settings, journey.queries, grafana=grafana)
    if as_json:
        document: dict[str, Any] = journey_document(journey, addresses)
        show_json({**document, "traffic": report.document()})
        return
    screen = console()
    outcomes = ", ".join(f"{count} {name}" for name, count in _totals(report).items())
    screen.print(f"{report.requests} requests in {report.seconds:.0f} s: [dim]{outcomes}[/]\n")
    show_journey(screen, journey, addresses)
    if grafana:
        screen.print(f"\ndashboards: {settings.url('grafana')}/dashboards")
    screen.print(f"\n{escape(operations_page(settings))}")


def _totals(report: Report) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (name, _), count in report.outcomes.most_common():
        totals[name] = totals.get(name, 0) + count
    return totals
