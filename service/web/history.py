"""Cost per day as the chart and the table behind it show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from service.ledger.documents import Day, Totals
from service.money import EXACT
from service.web import figures
from service.web.figures import Figure
from service.web.moments import day_label

SERIES = 7
"""Names that have a colour of their own; the rest are one series."""


@dataclass(frozen=True, slots=True)
class Series:
    """One name's bars; `colour` counts from 1."""

    name: str
    colour: int
    total: Figure


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day: a figure for each series, in order."""

    date: str
    label: str
    cells: tuple[Figure, ...]
    total: Figure
    requests: Figure
    unpriced: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Cost per day by one grouping."""

    key: str
    title: str
    series: tuple[Series, ...]
    rows: tuple[DayRow, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The chart in each of its forms."""

    days: int
    total: Figure
    saved: Figure
    requests: Figure
    charts: tuple[Chart, ...]


def history_view(days: Sequence[Day]) -> HistoryView:
    """Cost per day, by model and by app; `days` oldest first."""
    cost = figures.usd(figures.total(day.totals.cost_usd for day in days))
    return HistoryView(
        days=len(days),
        total=cost,
        saved=figures.usd(figures.total(day.totals.saved_usd for day in days)),
        requests=figures.count(sum(day.totals.requests for day in days)),
        charts=(
            _chart("model", days, [day.by_model for day in days]),
            _chart("app", days, [day.by_app for day in days]),
        ),
    )


def _chart(key: str, days: Sequence[Day], groups: Sequence[Mapping[str, Totals]]) -> Chart:
    sums: dict[str, Decimal] = {}
    for group in groups:
        for name, totals in group.items():
            sums[name] = EXACT.add(sums.get(name, Decimal(0)), Decimal(totals.cost_usd))
    # Costless names have no bar; what they used is in the breakdown.
    ranked = sorted((name for name in sums if sums[name]), key=lambda name: (-sums[name], name))
    # One name more is shown as itself rather than as a rest of one.
    kept = ranked if len(ranked) == SERIES + 1 else ranked[:SERIES]
    rest = ranked[len(kept) :]
    series = [
        Series(name, place, figures.usd(sums[name])) for place, name in enumerate(kept, start=1)
    ]
    if rest:
        left = figures.usd(figures.total(sums[name] for name in rest))
        series.append(Series(f"{len(rest)} others", SERIES + 1, left))
    return Chart(
        key=key,
        title=f"Cost per day by {key}",
        series=tuple(series),
        rows=tuple(_row(day, group, kept, rest) for day, group in zip(days, groups, strict=True)),
        summary=_summary(key, days, series),
    )


def _row(day: Day, group: Mapping[str, Totals], kept: Sequence[str], rest: Sequence[str]) -> DayRow:
    cells = [figures.usd(group[name].cost_usd if name in group else "0") for name in kept]
    if rest:
        cells.append(figures.usd(figures.total(group[n].cost_usd for n in rest if n in group)))
    return DayRow(
        date=day.date,
        label=day_label(day.date),
        cells=tuple(cells),
        total=figures.usd(day.totals.cost_usd),
        requests=figures.count(day.totals.requests),
        unpriced=day.totals.unpriced_requests,
    )


def _summary(key: str, days: Sequence[Day], series: Sequence[Series]) -> str:
    """What the picture says, for who cannot see it."""
    if not days or not series:
        return f"No cost by {key} in these {len(days)} days."
    dearest = max(days, key=lambda day: Decimal(day.totals.cost_usd))
    cost = figures.usd(dearest.totals.cost_usd).text
    return (
        f"Stacked bars of cost per day by {key} over {len(days)} days. The dearest day is "
        f"{day_label(dearest.date)} with {cost}; the dearest {key} is {series[0].name} with "
        f"{series[0].total.text}. The table below has every number."
    )
