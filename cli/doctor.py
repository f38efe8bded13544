"""`gaugeway doctor`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.markup import escape

from cli.console import console, show_json
from stack.doctor import Finding, examine
from stack.record import as_running
from stack.settings import load
from stack.supervision.client import SupervisorClient


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False
) -> None:
    """Say what this machine has for running the stack, what it lacks, and what to do.

    Exits with 1 when something needed is missing.
    """
    settings = as_running(load())
    running = asyncio.run(SupervisorClient(settings.home.socket).alive())
    findings = examine(settings, running=running)
    healthy = all(finding.ok for finding in findings if finding.needed)
    if as_json:
        show_json({"healthy": healthy, "findings": [_document(finding) for finding in findings]})
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            console().print(f"{_mark(finding)} {finding.name:<{width}}  {escape(finding.found)}")
            if not finding.ok and finding.advice:
                console().print(f"  {'':<{width}}  [yellow]{escape(finding.advice)}[/]")
        verdict = "[green]ready for `gaugeway up`[/]" if healthy else "[red]something is missing[/]"
        console().print(f"\n{verdict}")
    raise typer.Exit(0 if healthy else 1)


def _mark(finding: Finding) -> str:
    if finding.ok:
        return "[green]✓[/]"
    return "[red]✗[/]" if finding.needed else "[yellow]○[/]"


def _document(finding: Finding) -> dict[str, str | bool]:
    return {
        "name": finding.name,
        "ok": finding.ok,
        "needed": finding.needed,
        "found": finding.found,
        "advice": "" if finding.ok else finding.advice,
    }
