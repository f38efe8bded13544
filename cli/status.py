"""`gaugeway status`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.console import console, show_failed, show_json, status_view
from cli.engine import look
from stack.settings import load


def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False
) -> None:
    """Show each component: ready or not, version, address, and what to do about a broken one.

    Exits with 1 when a component that should be ready is not.
    """
    settings = load()
    seen = asyncio.run(look(settings))
    if as_json:
        show_json(seen.document())
    else:
        console().print(status_view(seen))
        show_failed(tuple(part for part in seen.components if part.dead))
        if seen.up:
            console().print(f"\n[dim]{seen.environment}, {settings.home.path}[/]")
    raise typer.Exit(0 if seen.ready else 1)
