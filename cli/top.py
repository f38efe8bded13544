"""`gaugeway top`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cli.console import show_error
from cli.settings import thresholds
from stack.record import as_running
from stack.settings import load

Url = Annotated[
    str | None,
    typer.Option(
        help="Another service's address; by default that of this machine's.", show_default=False
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Holds a key of role admin; by default GAUGEWAY_API_KEY is used, else a key of "
        "this machine's own.",
        show_default=False,
    ),
]
Interval = Annotated[
    float, typer.Option("--interval", "-i", min=0.5, max=3600, help="Seconds between looks.")
]


def top(
    *,
    url: Url = None,
    key_file: KeyFile = None,
    interval: Interval = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Show one frame and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show requests, latency, cost, budgets and errors as they are now, again every few seconds.

    In a pipe it is one frame; that, --once and --json exit with 1 when the figures cannot be read.
    Figures turn yellow and red where GAUGEWAY_TOP_ERRORS_PERCENT, GAUGEWAY_TOP_P95_MS,
    GAUGEWAY_TOP_SLOWER_PERCENT and GAUGEWAY_TOP_BUDGET_PERCENT say, two numbers each.
    """
    settings = as_running(load())
    bounds = thresholds(settings.inherited)
    if url is not None and not _is_address(url):
        show_error("--url is an http:// or https:// address, without a user or a password")
        raise typer.Exit(2)
    # The models of every document are loaded by this command alone.
    from cli.admin_key import AdminKeyError, admin_key
    from cli.top_run import Look, run

    try:
        key = admin_key(settings, file=key_file, remote=url is not None)
    except AdminKeyError as error:
        show_error(str(error))
        raise typer.Exit(1) from None
    look = Look(url or settings.url("service"), key, bounds, interval)
    raise typer.Exit(run(look, once=once, as_json=as_json))


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False
