"""Shows models with their prices, and what changes between two price lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import console, show_error, show_json
from service.money import amount_text
from service.price_book import PriceBook, provider_id
from service.price_difference import Change, Model, difference
from service.price_file import NO_FILE, PriceFileError, load_price_file
from service.price_list import PriceList
from service.price_quote import Quote
from service.price_snapshots import SnapshotError, read_book
from service.price_units import MILLION

_COLUMNS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_GAP, _MODEL, _MORE, _AMOUNT = 2, 24, 28, 7
_LEAST_MORE = _MORE // 2
_DECIMALS = 8
_PRICES = len(_COLUMNS) * (_AMOUNT + _GAP)
_UNITS = {MILLION: "million", 1_000: "thousand", 3_600: "hour"}


@dataclass(frozen=True, slots=True)
class Row:
    """One model of a list, with its prices of the moment."""

    provider: str
    model: str
    source: str
    quote: Quote
    modes: tuple[str, ...]


def price_list(own: Path | None) -> PriceList:
    """The installed price book with the operator's file."""
    try:
        return PriceList(PriceBook(), load_price_file(own) if own is not None else NO_FILE)
    except PriceFileError as error:
        show_error(str(error))
        raise typer.Exit(1) from None


def any_list(path: Path | None) -> PriceList:
    """A version of the book, or an operator's file before the installed one; None: installed."""
    if path is None or path.suffix in (".yaml", ".yml"):
        return price_list(path)
    try:
        return PriceList(read_book(path))
    except SnapshotError as error:
        show_error(str(error))
        raise typer.Exit(1) from None


def moment(text: str | None) -> datetime:
    """A day, which is taken at noon, or a moment; both in UTC unless it says otherwise."""
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text if len(text) > 10 else f"{text}T12:00")
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no day; write one such as 2026-11-21", param_hint="--at"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def show_models(
    prices: PriceList, at: datetime, *, provider: str | None, text: str = "", as_json: bool
) -> int:
    """Show the models of a provider, or whose names hold a text; say how many those are."""
    rows = list(_rows(prices, at, provider, text.lower()))
    if as_json:
        show_json({"at": at.isoformat(), "models": [_document(row) for row in rows]})
    elif rows:
        console().print(_models_table(rows))
        said = f"{at:%Y-%m-%d}, USD per million tokens unless it says otherwise"
        console().print(f"[dim]{_counted(len(rows), 'model')}, {said}[/]")
    return len(rows)


def _rows(prices: PriceList, at: datetime, provider: str | None, text: str) -> Iterator[Row]:
    wanted = provider_id(provider) if provider else None
    seen: set[Model] = set()
    for entry in prices:
        whose, model = entry.identity
        if (whose, model) in seen or (wanted and whose != wanted):
            continue
        if text and text not in model.lower() and not entry.answers_to(text):
            continue
        offer = prices.named(whose, model, at)
        if offer is None or not (quote := offer.quote(at)).prices:
            continue
        seen.add((whose, model))
        modes = {value for context in offer.listing.contexts for value in context.values()}
        yield Row(whose, model, quote.source, quote, tuple(sorted(modes)))


def _models_table(rows: list[Row]) -> Table:
    screen = console().width
    whose, model, more = _widths(rows, screen)
    cells = [_cells(row) for row in rows]
    amounts = [max(_AMOUNT, *map(len, column)) for column in zip(*cells, strict=True)]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    table.add_column("provider", no_wrap=True, min_width=whose)
    table.add_column("model", overflow="fold", min_width=model)
    for heading, width in zip(("input", "output", "cached", "written"), amounts, strict=True):
        table.add_column(heading, justify="right", no_wrap=True, min_width=width)
    table.add_column("more", style="dim", overflow="fold", max_width=more)
    for row, texts in zip(rows, cells, strict=True):
        table.add_row(escape(row.provider), escape(row.model), *texts, escape(_more(row)))
    # Where it does not fit the table would take the room from the names, down to nothing.
    least = whose + model + sum(amounts) + _LEAST_MORE + (len(amounts) + 3) * _GAP
    if least > screen:
        table.width = least
    return table


def _cells(row: Row) -> list[str]:
    by_kind = {price.unit.kind: price.price for price in row.quote.prices}
    return [_brief(by_kind[kind]) if kind in by_kind else "-" for kind in _COLUMNS]


def _brief(price: Decimal) -> str:
    """A price as a column shows it; the book has some such as 0.041666666666666664."""
    whole, _, decimals = amount_text(price).partition(".")
    if len(decimals) > _DECIMALS:
        return f"{whole}.{decimals[: _DECIMALS - 2]}…"
    return f"{whole}.{decimals}" if decimals else whole


def _widths(rows: list[Row], width: int) -> tuple[int, int, int]:
    """Of provider, model and the last column: names are read whole where there is room for them."""
    whose = max(8, *(len(row.provider) for row in rows))
    room = width - whose - _PRICES - 2 * _GAP
    model = min(max(len(row.model) for row in rows), max(_MODEL, room - _MORE))
    return whose, model, max(_LEAST_MORE, room - model)


def _more(row: Row) -> str:
    said = [
        f"{_plain(price.unit.kind)} {amount_text(price.price)}{_per(price.unit.per)}"
        for price in row.quote.prices
        if price.unit.kind not in _COLUMNS
    ]
    starts = sorted({start for price in row.quote.prices for start, _ in price.tiers})
    said += [f"dearer above {start:,}" for start in starts]
    if row.modes:
        said.append(f"also {', '.join(row.modes)}")
    return "; ".join(said)


def _document(row: Row) -> dict[str, Any]:
    return {
        "provider": row.provider,
        "model": row.model,
        "source": row.source,
        "modes": list(row.modes),
        "prices": [
            {
                "kind": price.unit.kind,
                "per": price.unit.per,
                "usd": amount_text(price.price),
                "above": {str(start): amount_text(amount) for start, amount in price.tiers},
            }
            for price in row.quote.prices
        ],
    }


def show_difference(
    before: PriceList, after: PriceList, *, provider: str | None, as_json: bool
) -> None:
    """Show what changes from one list to the other."""
    found = difference(before, after)
    wanted = provider_id(provider) if provider else None

    def kept(model: Model) -> bool:
        return wanted is None or model[0] == wanted

    appeared = [model for model in found.appeared if kept(model)]
    vanished = [model for model in found.vanished if kept(model)]
    changes = [change for change in found.changes if kept(change.model)]
    if as_json:
        show_json(
            {
                "appeared": [_named(model) for model in appeared],
                "vanished": [_named(model) for model in vanished],
                "changes": [_change_document(change) for change in changes],
            }
        )
        return
    for mark, style, models in (("+", "green", appeared), ("-", "red", vanished)):
        for whose, model in models:
            console().print(f"[{style}]{mark}[/] {escape(whose)}/{escape(model)}")
    if changes:
        console().print(_changes_table(changes))
    there = f"{_counted(len(appeared), 'new model')}, {len(vanished)} gone"
    console().print(f"[dim]{there}, {_counted(len(changes), 'changed price')}[/]")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _changes_table(changes: list[Change]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("model", overflow="fold")
    table.add_column("price of", overflow="fold")
    for heading in ("before", "after", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("from", no_wrap=True)
    for change in changes:
        table.add_row(
            escape("/".join(change.model)),
            escape(_said(change)),
            _amount(change.before),
            _amount(change.after),
            _percent(change.percent),
            str(change.since or "always"),
        )
    return table


def _said(change: Change) -> str:
    point = change.point
    above = f" above {point.above:,}" if point.above else ""
    mode = f", {point.mode}" if point.mode else ""
    return f"{_plain(point.kind)}{_per(change.per)}{above}{mode}"


def _change_document(change: Change) -> dict[str, Any]:
    percent = change.percent
    return {
        **_named(change.model),
        "kind": change.point.kind,
        "per": change.per,
        "above": change.point.above,
        "mode": change.point.mode,
        "before_usd": None if change.before is None else amount_text(change.before),
        "after_usd": None if change.after is None else amount_text(change.after),
        "percent": None if percent is None else round(float(percent), 2),
        "from": None if change.since is None else str(change.since),
    }


def _named(model: Model) -> Mapping[str, str]:
    return {"provider": model[0], "model": model[1]}


def _amount(price: Decimal | None) -> str:
    return "-" if price is None else amount_text(price)


def _percent(percent: Decimal | None) -> str:
    if percent is None:
        return ""
    style = "red" if percent > 0 else "green"
    return f"[{style}]{percent:+.1f} %[/]"


def _plain(kind: str) -> str:
    return kind.removesuffix("_tokens").replace("_", " ")


def _per(per: int) -> str:
    return "" if per == MILLION else f" per {_UNITS.get(per, f'{per:,}')}"
