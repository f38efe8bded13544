"""`gaugeway prove`."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.console import console, show_error, show_failed, show_json
from cli.proving.alerts import prove_alerts
from cli.proving.finding import Finding, Proof
from cli.proving.looking import Told, prove_panels_and_links
from cli.proving.table import proof_view
from stack.lifecycle import ComponentsFailedError, StartError
from stack.settings import Settings, load


def prove(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    alerts: Annotated[
        bool,
        typer.Option("--with-alerts/--without-alerts", help="Alerts too, or panels and links."),
    ] = True,
) -> None:
    """Prove by live data that panels show something, links lead somewhere and alerts arrive.

    It starts stacks of its own on free ports and touches none that runs. Exits with 1 when anything
    that is declared is not proven.
    """
    settings = load()
    began = time.monotonic()
    screen = Console(stderr=True, highlight=False) if as_json else console()
    try:
        with screen.status("…") as status:
            findings = asyncio.run(
                _prove(settings, lambda said: status.update(f"{said} …"), alerts=alerts)
            )
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(130) from None
    except StartError as error:
        if isinstance(error, ComponentsFailedError):
            show_failed(error.failed)
        show_error(str(error))
        raise typer.Exit(1) from None
    proof = Proof(findings, time.monotonic() - began)
    if as_json:
        show_json(proof.document())
    else:
        screen.print(proof_view(proof))
    raise typer.Exit(0 if proof.good else 1)


async def _prove(settings: Settings, told: Told, *, alerts: bool) -> tuple[Finding, ...]:
    _stop_when_asked()
    # A short path: sockets below it must fit.
    with tempfile.TemporaryDirectory(prefix="gw-prove-") as folder:
        place = Path(folder) / "panels"
        place.mkdir()
        findings = await prove_panels_and_links(settings, place, told)
        if alerts:
            place = Path(folder) / "alerts"
            place.mkdir()
            findings += await prove_alerts(settings, place, told)
        return findings


def _stop_when_asked() -> None:
    """Let every signal that asks for an end stop what was started, as Ctrl-C does."""
    if task := asyncio.current_task():
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
