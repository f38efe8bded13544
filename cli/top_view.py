"""One frame of `gaugeway top`, for a terminal of any size: lines of text, none too long."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.text import Text

from cli.settings import Level
from cli.top_figures import Figures, Timing, zoned
from cli.top_reading import Reading
from cli.top_tables import NARROW, budget_lines, request_lines
from cli.top_text import Shape, ascii_of, cell, plain
from service.api.admin.documents import Check, HealthReport, MetricsReport
from service.web import figures

_LABEL = 14
_MESSAGE_LINES = 3
_STATUS: dict[str, Level] = {"healthy": "green", "degraded": "yellow"}


@dataclass(frozen=True, slots=True)
class _Card:
    """One figure: its name, and its value in one or more colours."""

    name: str
    value: Text


def frame(reading: Reading, found: Figures | None, shape: Shape, *, footer: str = "") -> list[Text]:
    """The lines of a frame: no more than the shape's height, none wider than its width.

    `found` are the figures of `reading.metrics`. Budgets and requests are left out as the height
    demands it, requests first.
    """
    head = [_header(reading, found, shape), *_condition(reading, shape)]
    body = [] if found is None else _body(reading, found, shape.less(len(head) + bool(footer)))
    if reading.problem is not None:
        for line in body:
            line.stylize("dim")
    lines = [*head, *body]
    if footer:
        filling = 0 if shape.height is None else shape.height - len(lines) - 1
        lines += [*(Text() for _ in range(filling)), Text(footer, style="dim")]
    if shape.height is not None:
        lines = lines[: shape.height]
    return [_fitting(line, shape) for line in lines]


def _fitting(line: Text, shape: Shape) -> Text:
    if shape.ascii_only:
        # First, because a letter without width of its own becomes one with.
        line = ascii_of(line)
    line.truncate(shape.width, overflow="ellipsis")
    return ascii_of(line) if shape.ascii_only else line


def _body(reading: Reading, found: Figures, shape: Shape) -> list[Text]:
    lines = [Text(), *_cards(_all_cards(found, shape), shape)]
    lines += budget_lines(found.budgets, shape.less(len(lines)))
    if reading.notable is not None:
        zone = zoned(found.metrics)
        lines += request_lines(reading.notable, zone, shape.less(len(lines)))
    return lines


def _header(reading: Reading, found: Figures | None, shape: Shape) -> Text:
    line = Text.assemble(("gaugeway top", "bold"))
    if found is not None:
        metrics = found.metrics
        status = "no figures" if reading.problem is not None else metrics.status
        line.append("  ")
        line.append(f"{shape.dot} {status}", style=_STATUS.get(status, "red"))
        line.append(f"  {metrics.environment} {metrics.version}", style="dim")
    line.append(f"  {plain(reading.url)}", style="dim")
    if found is not None:
        clock = replace(zoned(found.metrics), now=reading.at).updated().text
        line.truncate(max(0, shape.width - len(clock) - 2), overflow="ellipsis", pad=True)
        line.append(f"  {clock}")
    return line


def _condition(reading: Reading, shape: Shape) -> list[Text]:
    """What is wrong, and what it means for the figures below; nothing where all is well."""
    said: list[tuple[str, Level]] = []
    if reading.problem is not None:
        said.append((reading.problem, "red"))
    if reading.health is not None:
        said.extend((line, "yellow") for line in _ailing(reading.health))
    metrics = reading.metrics
    if metrics is not None:
        said.extend(_unaccounted(metrics))
    if reading.problem is not None and metrics is not None:
        said.append((f"the figures are of {zoned(metrics).updated().text}", "yellow"))
    lines: list[Text] = []
    for message, colour in said:
        folded = textwrap.wrap(plain(message), max(shape.width, 20), max_lines=_MESSAGE_LINES)
        lines += [Text(line, style=colour) for line in folded]
    return lines


def _unaccounted(metrics: MetricsReport) -> list[tuple[str, Level]]:
    """What the figures lack, for good or until Redis is back."""
    said: list[tuple[str, Level]] = []
    worker = metrics.worker
    if lost := metrics.lost.requests + worker.lost_entries:
        cost = figures.usd(metrics.lost.cost_usd).text
        known = f", {cost} of known cost" if metrics.lost.requests else ""
        said.append((f"{lost} requests of today were lost and are in no figure{known}", "red"))
    if waiting := worker.journal_entries:
        said.append((f"{waiting} entries of the ledger wait on disk for Redis", "yellow"))
    if held := worker.memory_entries:
        text = f"{held} of them wait in memory alone: the disk of GAUGEWAY_HOME takes no more"
        said.append((text, "red"))
    return said


def _ailing(health: HealthReport) -> list[str]:
    parts: dict[str, Check | None] = {
        "redis": health.redis,
        "collector": health.collector,
        **health.providers,
        **health.backends,
    }
    down = [
        f"{name} ({check.problem or 'down'})"
        for name, check in parts.items()
        if check is not None and not check.up
    ]
    return [f"degraded: {', '.join(down)}"] if down else []


def _cards(cards: Sequence[tuple[_Card, _Card]], shape: Shape) -> list[Text]:
    if shape.width < NARROW:
        return [_card(card) for column in zip(*cards, strict=True) for card in column]
    half = shape.width // 2
    return [Text.assemble(cell(_card(left), half), _card(right)) for left, right in cards]


def _card(card: _Card) -> Text:
    return Text.assemble(cell(Text(card.name, style="dim"), _LABEL), card.value)


def _all_cards(found: Figures, shape: Shape) -> list[tuple[_Card, _Card]]:
    metrics = found.metrics
    today, rates, tokens = metrics.today, metrics.rates, metrics.today.tokens
    minute = Text.assemble((figures.count(rates.requests_per_minute).text, "bold"))
    if rates.errors_per_minute:
        minute.append(f"  {rates.errors_per_minute:,} failed", style=found.failing_level or "")
    errors = Text.assemble((figures.percent(found.errors_percent), found.errors_level or ""))
    errors.append(f"  {today.errors:,} of {today.requests:,}", style="dim")
    cost = Text.assemble((figures.usd(today.cost_usd).text, f"bold {found.cost_level or ''}"))
    if today.unpriced_requests:
        cost.append(f"  {today.unpriced_requests:,} unpriced", style="yellow")
    used = Text(f"{figures.short_count(tokens.input).text} in")
    used.append(f"  {figures.short_count(tokens.output).text} out")
    cache = Text(figures.percent(found.cache_hit_percent))
    cache.append(f"  {figures.usd(today.saved_usd).text} saved", style="dim")
    sessions = Text(figures.count(metrics.active_sessions).text)
    sessions.append(f"  {metrics.worker.requests_in_flight:,} requests under way", style="dim")
    return [
        (_Card("requests/min", minute), _Card("cost today", cost)),
        (_Card("average", _timing(found.average, shape)), _Card("tokens today", used)),
        (_Card("p95", _timing(found.p95, shape)), _Card("cache hits", cache)),
        (_Card("errors today", errors), _Card("sessions", sessions)),
    ]


def _timing(timing: Timing, shape: Shape) -> Text:
    text = Text.assemble((figures.duration(timing.milliseconds).text, timing.level or ""))
    change = timing.change_percent
    if change is None:
        return text
    if abs(change) < 0.5:
        return text.append("  as the hour before", style="dim")
    arrow = shape.up if change > 0 else shape.down
    shown = f"{abs(change):.0f}" if abs(change) < 1000 else "over 999"
    return text.append(f"  {arrow} {shown} % in an hour", style=timing.change_level or "")
