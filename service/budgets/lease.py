"""What a request holds of its budgets while it is under way: plain data, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from service.ledger.entry import Charge, Unit

KEPT_MS = 2 * 86_400_000
"""How long a window is kept after its end, for what is settled late."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One budget's part in a request.

    `key` is its window's hash in Redis, `amount` what was reserved in `unit`; `limit`, `spent` and
    `reserved` are the window's after that. `lease` is None where Redis could not be asked.
    """

    budget: str
    key: str
    unit: Unit
    amount: int
    limit: int
    spent: int = 0
    reserved: int = 0
    lease: str | None = None
    resets_at: int = 0
    """Milliseconds since the epoch."""
    warning: int | None = None
    """The highest threshold passed, in percent."""
    most_users: int = 0
    """How many users the window tells apart; 0 where it is not of users."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A request's reservations at all budgets that concern it; empty where none does.

    `max_output_tokens` is to be sent upstream where the request states none; None: no cap.
    `route` is the model that a budget asks to use instead, with `routed_by` its name. `request` is
    the id under which it is noted as open, `asked_at` when it was first reserved for, in
    milliseconds since the epoch.
    """

    holds: tuple[Hold, ...] = ()
    max_output_tokens: int | None = None
    route: str | None = None
    routed_by: str | None = None
    request: str = ""
    asked_at: int = 0

    @property
    def noted(self) -> bool:
        """Whether Redis holds it, and so knows of the request."""
        return bool(self.holds) and self.holds[0].lease is not None

    def upper_charges(self) -> tuple[Charge, ...]:
        """What the request adds to each budget at the most."""
        return tuple(_charge(hold, hold.amount) for hold in self.holds)

    def charges(self, *, cost: int | None, tokens: int, requests: int = 1) -> tuple[Charge, ...]:
        """What the request adds to each budget in the end; all 0 gives the reservations back."""
        amounts: dict[str, int] = {"usd": cost or 0, "tokens": tokens, "requests": requests}
        return tuple(_charge(hold, amounts[hold.unit]) for hold in self.holds)


def _charge(hold: Hold, amount: int) -> Charge:
    return Charge(hold.key, amount, hold.lease, hold.resets_at + KEPT_MS, hold.most_users)


NO_LEASE = Lease()
