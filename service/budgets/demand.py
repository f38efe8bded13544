"""What a request may use at the most, of which budgets, and what is noted of it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from pydantic_core import to_json

from service.aside import aside_if
from service.budgets.asking import Part, value_of
from service.budgets.bound import Bound, bound_of
from service.budgets.declared import Budget, Declared
from service.exchange import ModelRequest
from service.ledger.open_requests import OpenRequest
from service.money import picodollars
from service.targets import Target

LARGEST_AMOUNT = 10**16
"""Of one reservation at a budget that refuses nothing, so that sums stay within 64 bits."""


class PriceBound(Protocol):
    """The most in USD that so much can cost at a target, None where no price is known."""

    def __call__(
        self, target: Target, *, input_tokens: int, output_tokens: int, at: datetime
    ) -> Decimal | None:
        """The amount, `at` a moment that is aware of its zone."""
        ...


@dataclass(frozen=True, slots=True)
class Demand:
    """One request as budgets see it; without parts none concerns it.

    `cost` is in picodollars, None where it is not known or no budget asks for it.
    """

    parts: tuple[Part, ...] = ()
    bound: Bound | None = None
    cost: int | None = None
    max_output_tokens: int | None = None


NO_DEMAND = Demand()


class Demands:
    """Works out demands by the budgets that are in force."""

    def __init__(self, declared: Callable[[], Declared], price: PriceBound) -> None:
        self._declared = declared
        self._price = price

    async def of(
        self, request: ModelRequest, target: Target, now: datetime, *, routed: bool
    ) -> Demand:
        """What a request may use of budgets; one that was routed is not routed again."""
        declared = self._declared()
        concerned = [
            (budget, value)
            for budget in declared.budgets
            if (value := value_of(budget, request, target)) is not None
        ]
        if not concerned:
            return NO_DEMAND
        bound = await self._bound(declared, request, target)
        cost = self._cost(target, bound, now) if _in_dollars(concerned) else None
        # What has no price cannot be bounded, only refused.
        amounts = {"usd": cost or 0, "tokens": bound.tokens, "requests": 1}
        moment = milliseconds(now)
        parts = tuple(
            Part(
                budget,
                budget.windows.at(moment),
                value,
                min(amounts[budget.unit], _most(budget)),
                () if routed else budget.routes_for(request.operation, target.model),
            )
            for budget, value in concerned
        )
        capped = not bound.states_output and any(budget.caps_output for budget, _ in concerned)
        return Demand(parts, bound, cost, bound.answer_tokens if capped else None)

    async def facts(
        self, request: ModelRequest, target: Target, asked_at: int, demand: Demand = NO_DEMAND
    ) -> bytes:
        """What is noted of an open request, as one line of JSON.

        It was asked at a moment in milliseconds since the epoch.
        """
        bound, cost = demand.bound, demand.cost
        if bound is None:
            bound = await self._bound(self._declared(), request, target)
            cost = self._cost(target, bound, datetime.fromtimestamp(asked_at / 1000, UTC))
        return to_json(
            OpenRequest(
                asked_at,
                request.trace_id,
                request.operation,
                target.provider_name,
                target.provider_model,
                target.name,
                target.model,
                request.app,
                request.user,
                request.component,
                request.stream,
                bound.input_tokens,
                bound.output_tokens,
                cost,
            )
        )

    async def _bound(self, declared: Declared, request: ModelRequest, target: Target) -> Bound:
        return await aside_if(
            request.weight.heavy,
            bound_of,
            request.operation,
            request.body,
            setting=target.max_output_tokens,
            allowances=declared.allowances,
            in_slices=request.weight.huge,
        )

    def _cost(self, target: Target, bound: Bound, at: datetime) -> int | None:
        cost = self._price(
            target, input_tokens=bound.input_tokens, output_tokens=bound.output_tokens, at=at
        )
        return None if cost is None else picodollars(cost)


def milliseconds(moment: datetime) -> int:
    """A moment since the epoch."""
    return int(moment.timestamp() * 1000)


def _most(budget: Budget) -> int:
    """What is worth reserving: of a limit that refuses, anything above it is above it."""
    return budget.limit + 1 if budget.refuses else LARGEST_AMOUNT


def _in_dollars(concerned: Sequence[tuple[Budget, str]]) -> bool:
    return any(budget.unit == "usd" for budget, _ in concerned)
