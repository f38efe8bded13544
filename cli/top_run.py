"""Runs `gaugeway top`: live on a terminal, one frame in a pipe, one object for a script."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from rich.console import Console

from cli.console import console, show_error, show_json
from cli.settings import Thresholds
from cli.top_document import top_document
from cli.top_figures import figures_of
from cli.top_live import LiveTop, view
from cli.top_reading import Reading, TopReader
from cli.top_text import Shape


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at, how often (seconds), and when figures are alarming."""

    url: str
    key: str = field(repr=False)
    thresholds: Thresholds
    interval: float


def run(look: Look, *, once: bool, as_json: bool) -> int:
    """Show it; the exit code."""
    screen = console()
    if as_json or once or not screen.is_terminal:
        return _show(look, asyncio.run(_read(look)), screen, as_json=as_json)
    asyncio.run(_live(look, Console(highlight=False)))
    return 0


async def _read(look: Look) -> Reading:
    async with aiohttp.ClientSession() as client:
        return await TopReader(client, look.url, look.key, now=_now).read()


async def _live(look: Look, screen: Console) -> None:
    async with aiohttp.ClientSession() as client:
        reader = TopReader(client, look.url, look.key, now=_now)
        await LiveTop(reader, screen, look.thresholds, look.interval).run()


def _show(look: Look, reading: Reading, screen: Console, *, as_json: bool) -> int:
    if reading.metrics is None:
        show_error(reading.problem or f"{look.url} tells no figures")
        return 1
    if as_json:
        found = figures_of(reading.metrics, look.thresholds)
        show_json(top_document(look.url, found, reading.notable))
    else:
        shape = Shape(screen.width, None, ascii_only=screen.options.ascii_only)
        screen.print(view(reading, look.thresholds, shape))
    return 0


def _now() -> datetime:
    return datetime.now(UTC)
