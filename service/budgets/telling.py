"""Says in words and headers what budgets hold: pure, from leases and replies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from service.budgets.asking import Answered
from service.budgets.lease import Hold, Lease
from service.budgets.windows import local_time
from service.errors import BudgetExceeded
from service.ledger.entry import Unit
from service.money import amount_text, dollars

REMAINING = "x-gaugeway-budget-remaining"
WARNING = "x-gaugeway-budget-warning"
ROUTED = "x-gaugeway-budget-routed"
HELD_RETRY_SECONDS = 2.0
"""After so long some of what is reserved may have been given back."""
WORTH_WAITING_SECONDS = 60.0
"""Clients that try again by themselves wait no longer than this."""


def number_text(unit: Unit, amount: int) -> str:
    """An amount in its unit, exact: USD as a decimal, others whole."""
    return amount_text(dollars(amount)) if unit == "usd" else str(amount)


def amount_words(unit: Unit, amount: int) -> str:
    """An amount with its unit, such as `9.8712 USD` or `12000 tokens`."""
    return f"{number_text(unit, amount)} {'USD' if unit == 'usd' else unit}"


def remaining(hold: Hold) -> int:
    """What is left of a limit beside what is spent and reserved."""
    return max(0, hold.limit - hold.spent - hold.reserved)


def budget_headers(lease: Lease) -> dict[str, str]:
    """What an answer tells of the budgets that concern it: dictionaries after RFC 8941.

    Budgets that could not be asked are left out: nothing is known of them.
    """
    known = [hold for hold in lease.holds if hold.lease is not None]
    found: dict[str, str] = {}
    if known:
        found[REMAINING] = ", ".join(
            f'{hold.budget}="{amount_words(hold.unit, remaining(hold))}"' for hold in known
        )
    if passed := [hold for hold in known if hold.warning is not None]:
        found[WARNING] = ", ".join(f"{hold.budget}={hold.warning}" for hold in passed)
    if lease.route is not None and lease.routed_by is not None:
        found[ROUTED] = f'{lease.routed_by}="{lease.route}"'
    return found


def refusal(answered: Sequence[Answered], *, now: int) -> BudgetExceeded:
    """The error for a request that did not fit; of several budgets the one that lasts longest."""
    full = [one for one in answered if one.full]
    exhausted = [one for one in full if _exhausted(one)]
    if exhausted:
        return _until_reset(max(exhausted, key=lambda one: one.part.window.end), now)
    return _until_settled(full[0])


def _exhausted(one: Answered) -> bool:
    """Whether what is spent alone leaves no room; else requests under way might."""
    return one.spent + one.part.amount > one.part.budget.limit


def _until_reset(one: Answered, now: int) -> BudgetExceeded:
    part, budget = one.part, one.part.budget
    seconds = max(1, math.ceil((part.window.end - now) / 1000))
    left = max(0, budget.limit - one.spent)
    advice = ""
    if left and budget.caps_output:
        advice = " A request with a smaller max_completion_tokens may still fit."
    return BudgetExceeded(
        f"{_standing(one)}. This request may use {_most(one)}, "
        f"and {amount_words(budget.unit, left)} are left until the budget resets at "
        f"{_reset(one)}.{advice}",
        retry_after=seconds,
        headers=_headers(one, retry=seconds <= WORTH_WAITING_SECONDS),
    )


def _until_settled(one: Answered) -> BudgetExceeded:
    reserved = amount_words(one.part.budget.unit, one.reserved)
    return BudgetExceeded(
        f"{_standing(one)}, and requests under way have reserved {reserved}. This request may use "
        f"{_most(one)}, for which there is no room now. Try again in a moment; the budget resets "
        f"at {_reset(one)}.",
        retry_after=HELD_RETRY_SECONDS,
        headers=_headers(one, retry=True),
    )


def _standing(one: Answered) -> str:
    budget = one.part.budget
    whose = f" for {budget.scope} '{one.part.value}'" if one.part.value and _named(one) else ""
    spent, limit = number_text(budget.unit, one.spent), amount_words(budget.unit, budget.limit)
    return f"The budget '{budget.name}'{whose} has {spent} of {limit} spent in this {budget.window}"


def _most(one: Answered) -> str:
    """What was asked for; above the limit the amount is not kept, so none is told."""
    budget, amount = one.part.budget, one.part.amount
    if amount > budget.limit:
        return f"more than all of its {amount_words(budget.unit, budget.limit)}"
    return f"up to {amount_words(budget.unit, amount)}"


def _named(one: Answered) -> bool:
    return one.part.budget.scope != "user"


def _reset(one: Answered) -> str:
    zone = one.part.budget.zone
    return f"{local_time(zone, one.part.window.end)} ({zone.key})"


def _headers(one: Answered, *, retry: bool) -> Mapping[str, str]:
    budget = one.part.budget
    left = max(0, budget.limit - one.spent - one.reserved)
    found = {REMAINING: f'{budget.name}="{amount_words(budget.unit, left)}"'}
    if not retry:
        # OpenAI's clients try a 429 again unless they are told not to.
        found["x-should-retry"] = "false"
    return found
