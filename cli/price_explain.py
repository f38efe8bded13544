"""Shows how the price of one usage comes about, or why there is none."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.console import console, show_error, show_json
from service.money import amount_text
from service.price_book import provider_id
from service.price_explanation import Explanation, Line, explained, shortened
from service.price_list import PriceList
from service.pricing import Priced, Pricing
from service.tokens import Usage

_NEAR = 5
_TIMES = "\N{MULTIPLICATION SIGN}"


def show_explanation(
    prices: PriceList, what: Priced, usage: Usage, at: datetime, *, as_json: bool
) -> bool:
    """Show the steps; False where no price is known, which is said with names that are near."""
    pricing = Pricing(prices)
    charge = pricing.charge(what, usage, at)
    if charge is None:
        _show_unpriced(prices, what, at, as_json=as_json)
        return False
    told = explained(charge, usage)
    if as_json:
        show_json(_document(what, told, at))
    else:
        _show(what, told, at)
    return True


def _show(what: Priced, told: Explanation, at: datetime) -> None:
    out = console()
    out.print(f"[bold]{escape(what.provider)} {escape(what.model)}[/] at {at:%Y-%m-%d %H:%M %Z}")
    for number, step in enumerate(told.found, start=1):
        out.print(f"{number:>2}. {escape(step)}")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
    for justify in ("left", "right", "left", "right", "right", "left", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for line in told.lines:
        table.add_row(f"    {line.kind.replace('_', ' ')}", f"{line.count:,f}", *_product(line))
    table.add_row("    sum", "", "", "", "=", shortened(told.total), style="bold")
    out.print(table)
    saved = told.price.saved_by_prompt_cache
    out.print(f"    {told.rounding}")
    if saved:
        out.print(f"    the cached tokens would have cost {amount_text(saved)} more as input")
    out.print(
        f"[bold green]${amount_text(told.price.amount)}[/]  [dim]{escape(told.price.source)}[/]"
    )


def _product(line: Line) -> tuple[str, str, str, str, str]:
    if line.price is None or line.stated_for is None:
        return _TIMES, "-", "no price", "0", "[yellow]not charged[/]"
    by = line.stated_for.replace("_", " ")
    amount = shortened(line.amount)
    return _TIMES, amount_text(line.price), f"per {line.per} =", amount, f"[dim]as {by}[/]"


def _document(what: Priced, told: Explanation, at: datetime) -> dict[str, Any]:
    return {
        "provider": what.provider,
        "model": what.model,
        "at": at.isoformat(),
        "priced": True,
        "steps": list(told.found),
        "lines": [
            {
                "kind": line.kind,
                "count": amount_text(line.count),
                "usd": None if line.price is None else amount_text(line.price),
                "per": line.per,
                "stated_for": line.stated_for,
                "amount_usd": amount_text(line.amount),
            }
            for line in told.lines
        ],
        "total_usd": amount_text(told.total),
        "cost_usd": amount_text(told.price.amount),
        "saved_by_prompt_cache_usd": amount_text(told.price.saved_by_prompt_cache),
        "source": told.price.source,
    }


def _show_unpriced(prices: PriceList, what: Priced, at: datetime, *, as_json: bool) -> None:
    offer = prices.find(what.provider, what.model, what.base_url, at)
    if offer is not None:
        kinds = sorted(price.unit.kind for price in offer.quote(at).prices)
        there = f"it has a price for {', '.join(kinds)} alone" if kinds else "it has no price"
        reason = f"unpriced: {offer.quote(at).source} is known, but {there}"
        near: list[str] = []
    else:
        reason = f"unpriced: nothing is known of {what.model!r} at {what.provider}"
        if not what.provider:
            reason = f"unpriced: {what.model!r} tells no provider; name one with --provider"
        near = _near(prices, what)
    if as_json:
        show_json({"priced": False, "reason": reason, "near": near})
        return
    show_error(reason)
    for name in near:
        console().print(f"  [dim]near:[/] {escape(name)}")
    if near:
        console().print("[dim]Unpriced is not free: a price file can state a price.[/]")


def _near(prices: PriceList, what: Priced) -> list[str]:
    whose, wanted = provider_id(what.provider), what.model.lower()
    names = [entry.identity for entry in prices]
    same = [f"{p} {m}" for p, m in names if m.lower() == wanted and p != whose]
    own = {m: f"{p} {m}" for p, m in names if p == whose}
    # A model that several serve is named once.
    some = own or {m: f"{p} {m}" for p, m in reversed(names)}
    close = [some[name] for name in get_close_matches(wanted, some, n=_NEAR, cutoff=0.5)]
    found = [*close, *same] if own else [*same, *close]
    return list(dict.fromkeys(found))[:_NEAR]
