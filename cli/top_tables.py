"""The tables of `gaugeway top`: budgets, and the requests of the last hour worth looking at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from cli.top_figures import BudgetFigure
from cli.top_text import Shape, cell, plain
from service.ledger.documents import BudgetState, Notable, RequestSummary
from service.web import figures
from service.web.moments import Zoned

WIDE = 112
"""From so many columns on a request's trace is shown."""
NARROW = 64
"""Below so many columns only what matters most is."""
_GAP = "  "
_BUDGETS_FIRST = 6
"""So many budgets come before the requests; the rest only where there is room for both."""
_KINDS = ("failed", "dearest", "slowest")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: so wide, or by its `share` of what the fixed ones leave."""

    heading: str
    width: int = 0
    share: int = 0
    right: bool = False


def budget_lines(budgets: Sequence[BudgetFigure], shape: Shape) -> list[Text]:
    """A heading and a line for each budget, as many as there is room for, the worst first."""
    room = len(budgets) if shape.height is None else shape.height - 2
    if room < 1:
        return []
    if not budgets:
        return [Text(), Text("no budgets are declared", style="dim")]
    most = len(budgets) if shape.height is None else min(room, max(_BUDGETS_FIRST, room // 2))
    shown = budgets if len(budgets) <= most else budgets[: most - 1]
    columns = _budget_columns(shape)
    lines = [Text(), _headings(columns, shape)]
    lines += [_budget_line(one, columns, shape) for one in shown]
    if len(shown) < len(budgets):
        lines.append(Text(f"and {len(budgets) - len(shown)} more", style="dim"))
    return lines


def request_lines(notable: Notable, zoned: Zoned, shape: Shape) -> list[Text]:
    """The failed, the dearest and the slowest requests, as many of each as there is room for."""
    kinds = [(kind, found) for kind in _KINDS if (found := _requests(notable, kind))]
    lines: list[Text] = []
    for number, (kind, found) in enumerate(kinds):
        room = len(found)
        if shape.height is not None:
            # Two lines of each go to a gap and the headings.
            room = (shape.height - len(lines)) // (len(kinds) - number) - 2
        if room < 1:
            continue
        columns = _request_columns(kind, shape)
        lines += [Text(), _headings(columns, shape)]
        lines += [_line(columns, _request(one, kind, zoned), shape) for one in found[:room]]
    return lines


def _requests(notable: Notable, kind: str) -> Sequence[RequestSummary]:
    found: Sequence[RequestSummary] = getattr(notable, kind)
    return found


def _budget_columns(shape: Shape) -> list[_Column]:
    columns = [
        _Column("budget", share=1),
        _Column("", width=_bar_width(shape)),
        _Column("used", width=7, right=True),
        _Column("spent of limit", width=18 if shape.width < WIDE else 24, right=True),
        _Column("forecast", width=9, right=True),
        _Column("resets in", width=10, right=True),
    ]
    return columns if shape.width >= NARROW else [columns[0], columns[2], columns[5]]


def _budget_line(one: BudgetFigure, columns: Sequence[_Column], shape: Shape) -> Text:
    state, view = one.state, one.view
    name = plain(state.name if state.value is None else f"{state.name} {state.value}")
    if view.by_user:
        reached = ", ".join(text for text in view.users if not text.startswith("0"))
        said = Text(f"users: {reached or 'none at a threshold'}", style=one.level)
        return Text.assemble(cell(name, _widths(columns, shape)[0]), _GAP, said)
    forecast = Text(_forecast(state), style="yellow" if view.forecast_over else "")
    if state.denials:
        forecast = Text(f"{state.denials:,} refused", style="red")
    cells = {
        "budget": Text(name),
        "": shape.bar(state.used_percent, _bar_width(shape), one.level),
        "used": Text(view.used.replace("under ", "<"), style=one.level),
        "spent of limit": Text(_spent(one)),
        "forecast": forecast,
        "resets in": Text(view.resets_in),
    }
    return _line(columns, cells, shape)


def _bar_width(shape: Shape) -> int:
    return max(6, shape.width // 4 - 12)


def _spent(one: BudgetFigure) -> str:
    state, view = one.state, one.view
    if state.unit == "usd":
        return f"{view.spent.text} of {view.limit.text}"
    spent, limit = (figures.short_count(int(amount)).text for amount in (state.spent, state.limit))
    return f"{spent} of {limit} {state.unit}"


def _forecast(state: BudgetState) -> str:
    if state.forecast is None:
        return "\N{EN DASH}"
    if state.unit == "usd":
        return figures.usd(state.forecast).text
    return figures.short_count(int(float(state.forecast))).text


def _request_columns(kind: str, shape: Shape) -> list[_Column]:
    failed = kind == "failed"
    columns = [_Column(kind, width=8), _Column("model", share=3)]
    if shape.width >= NARROW:
        columns.append(_Column("app", share=2))
        # What failed has used little, and its error needs the room.
        columns += [] if failed else [_Column("tokens", width=12, right=True)]
    columns.append(_Column("took", width=8, right=True))
    columns.append(_Column("error", share=3) if failed else _Column("cost", 12, right=True))
    if shape.width >= WIDE:
        columns.append(_Column("trace", width=32))
    return columns


def _request(one: RequestSummary, kind: str, zoned: Zoned) -> dict[str, Text]:
    tokens = f"{figures.short_count(one.input_tokens).text}+" + (
        f"{figures.short_count(one.output_tokens).text}"
    )
    cost = "unpriced" if one.cost_usd is None else figures.usd(one.cost_usd).text
    return {
        kind: Text(zoned.clock(one.asked_at).text, style="red" if kind == "failed" else ""),
        "model": Text(plain(one.model)),
        "app": Text(plain(one.app)),
        "tokens": Text(tokens, style="dim"),
        "took": Text(figures.duration(one.latency_ms).text),
        "error": Text(plain(one.error or one.outcome), style="red"),
        "cost": Text(cost),
        "trace": Text(plain(one.trace_id), style="dim"),
    }


def _headings(columns: Sequence[_Column], shape: Shape) -> Text:
    cells = {column.heading: Text(column.heading, style="dim") for column in columns}
    return _line(columns, cells, shape)


def _line(columns: Sequence[_Column], cells: Mapping[str, Text], shape: Shape) -> Text:
    parts = [
        cell(cells[column.heading], width, right=column.right)
        for column, width in zip(columns, _widths(columns, shape), strict=True)
    ]
    return Text(_GAP).join(parts)


def _widths(columns: Sequence[_Column], shape: Shape) -> list[int]:
    fixed = sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)
    left, shares = max(0, shape.width - fixed), sum(column.share for column in columns)
    return [column.width or left * column.share // shares for column in columns]
