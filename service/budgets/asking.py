"""How budgets are kept in Redis: names of keys, arguments of scripts, and what they reply.

A window is a hash (`spent`, `reserved`, `denials`, thresholds passed) with its reservations beside
it: `<key>:leases` holds their amounts, `<key>:expiry` when they lapse. The ledger's script settles
them: it adds to `spent` and takes the lease's amount off `reserved`. A window with nothing in it
has no hash. `<shared part>#values` lists the values that a budget's window has, `#counts` how often
users were refused and passed its thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from otel.attributes import OTHER
from service.budgets.declared import Budget, Route
from service.budgets.lease import KEPT_MS, Hold, Lease
from service.budgets.windows import Window
from service.exchange import ModelRequest
from service.ledger.scripts import Script, load_script
from service.targets import Target

PREFIX = "gaugeway:{ledger}:budget:"

RESERVE = load_script("service.budgets", "reserve", after=("window", "damage"))
RELEASE = load_script("service.budgets", "release", after=("window", "damage"))
PASS = load_script("service.budgets", "pass")
STATE = load_script("service.budgets", "state", after=("window", "damage"))

_IN_KEYS = str.maketrans({"%": "%25", ":": "%3A", "#": "%23"})


class Scripts(Protocol):
    """Runs scripts in Redis; see `service.ledger.scripts`."""

    async def call(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes]
    ) -> Any:
        """A script's reply. Raises `StoreUnavailable`."""
        ...


def window_key(budget: Budget, window: Window) -> str:
    """The part of a window's keys that all values share. What the limit is has no part in it."""
    start = _instant(window.start)
    return f"{PREFIX}{budget.name}:{budget.scope}:{budget.unit}:{budget.window}:{start}"


@lru_cache(maxsize=256)
def _instant(moment: int) -> str:
    """An instant as a part of keys; each request asks for those of all its budgets."""
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def value_in_key(value: str) -> str:
    """A value as a part of keys: what divides their parts is written otherwise."""
    return value.translate(_IN_KEYS)


def value_from_key(part: str) -> str:
    """The value that a part of a key stands for."""
    return unquote(part)


def kind_of_value(budget: Budget) -> str:
    """How its values are told of: not at all, each by its name, or counted only."""
    return {"whole": "none", "user": "user"}.get(budget.scope, "other")


def value_of(budget: Budget, request: ModelRequest, target: Target) -> str | None:
    """Whose spending a request is, "" for the whole; None where the budget does not concern it."""
    match budget.scope:
        case "whole":
            return ""
        case "app":
            value = request.app
        case "user":
            value = request.user
        case "model":
            value = target.model
        case "provider":
            value = target.provider_name
        case "component":
            value = request.component
    return value if value and budget.value in (None, value) else None


@dataclass(frozen=True, slots=True)
class Part:
    """One budget's part in a request: `amount` in its unit, and where it could be sent instead."""

    budget: Budget
    window: Window
    value: str
    amount: int
    routes: tuple[Route, ...] = ()

    @property
    def key(self) -> str:
        """The window's hash."""
        shared = window_key(self.budget, self.window)
        return f"{shared}:{value_in_key(self.value)}" if self.value else shared

    @property
    def most_users(self) -> int:
        """How many users its window tells apart; 0 where it is not of users."""
        return self.budget.max_users if self.budget.scope == "user" else 0

    def names(self) -> tuple[str, ...]:
        """The script's keys for it."""
        shared, key = window_key(self.budget, self.window), self.key
        return (key, f"{key}:leases", f"{key}:expiry", f"{shared}#values", f"{shared}#counts")

    def arguments(self) -> list[str | int]:
        """The script's arguments for it."""
        budget = self.budget
        found: list[str | int] = [
            self.amount,
            budget.limit,
            int(budget.refuses),
            budget.used_up,
            self.window.end + KEPT_MS,
            value_in_key(self.value),
            kind_of_value(budget),
            self.most_users,
            len(budget.thresholds),
        ]
        for threshold in budget.thresholds:
            found += (threshold.percent, threshold.amount)
        found.append(len(self.routes))
        found += (route.amount for route in self.routes)
        return found

    def hold(self, lease: str | None, spent: int = 0, reserved: int = 0) -> Hold:
        """What the request holds of it."""
        budget = self.budget
        return Hold(
            budget=budget.name,
            key=self.key,
            unit=budget.unit,
            amount=self.amount,
            limit=budget.limit,
            spent=spent,
            reserved=reserved,
            lease=lease,
            resets_at=self.window.end,
            warning=budget.passed(spent),
            most_users=self.most_users,
        )

    def shared(self) -> Part:
        """The same of a user beyond those who are told apart."""
        return replace(self, value=OTHER)

    def possible_holds(self, lease: str) -> tuple[Hold, ...]:
        """Wherever a lease may be held by a call whose reply nobody had."""
        parts = (self, self.shared()) if self.most_users else (self,)
        return tuple(part.hold(lease) for part in parts)


class Note(NamedTuple):
    """What is noted of a request as long as it is open: where, under which id, and its facts."""

    key: str
    request: str
    facts: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """One budget in the reply: its window's amounts; `full`: there was no room."""

    part: Part
    spent: int
    reserved: int
    full: bool
    passed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: `held`, `refused`, or `routed` by a budget to a model."""

    what: str
    answered: tuple[Answered, ...]
    routed_by: str | None = None
    route: str | None = None


def reservation(
    parts: Sequence[Part], note: Note, *, now: int, lease: str, expires: int, replacing: Lease
) -> tuple[list[str], list[str | int | bytes]]:
    """The keys and arguments that reserve all parts in place of an earlier lease."""
    replaced, old = held_keys(replacing)
    keys = [note.key]
    for part in parts:
        keys += part.names()
    args: list[str | int | bytes] = [now, lease, expires, len(parts), old, note.request, note.facts]
    for part in parts:
        args += part.arguments()
    return keys + replaced, args


def held_keys(lease: Lease) -> tuple[list[str], str]:
    """The keys of what a lease holds in Redis, and the lease's id there."""
    held = [hold for hold in lease.holds if hold.lease is not None]
    keys = [key for hold in held for key in (hold.key, f"{hold.key}:leases", f"{hold.key}:expiry")]
    return keys, (held[0].lease or "") if held else ""


def outcome(parts: Sequence[Part], reply: Sequence[Any]) -> Outcome:
    """What `reserve.lua` said."""
    answered = tuple(
        Answered(
            part.shared() if reply[at + 4] else part,
            int(reply[at]),
            int(reply[at + 1]),
            bool(reply[at + 2]),
            tuple(int(percent) for percent in reply[at + 3].split(b",") if percent),
        )
        for part, at in zip(parts, range(3, len(reply), 5), strict=True)
    )
    what = reply[0].decode()
    if what != "routed":
        return Outcome(what, answered)
    chosen = parts[int(reply[1]) - 1]
    return Outcome(what, answered, chosen.budget.name, chosen.routes[int(reply[2]) - 1].model)
