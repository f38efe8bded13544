"""The budgets file's shape, and what of it can be checked without anything else."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    field_validator,
    model_validator,
)

from service.settings import TimeZone

# Of lower case, so that names are keys of a header's dictionary (RFC 8941) as well as labels.
BudgetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
Scope = Literal["whole", "app", "user", "model", "provider", "component"]
Percent = Annotated[StrictInt, Field(ge=1, le=100)]
Count = Annotated[StrictInt, Field(gt=0, le=10**15)]
Allowance = Annotated[StrictInt, Field(ge=0, le=10_000_000)]


def _exact(value: object) -> object:
    """An amount without quotes is a binary fraction by now; its shortest text is meant."""
    if isinstance(value, bool):
        raise ValueError("an amount is a number, not true or false")  # noqa: TRY004 - pydantic's protocol
    return repr(value) if isinstance(value, float) and math.isfinite(value) else value


Dollars = Annotated[
    Decimal,
    Field(gt=0, le=1_000_000, decimal_places=12, allow_inf_nan=False),
    BeforeValidator(_exact),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitEntry(_Strict):
    """What a window may use: exactly one unit."""

    usd: Dollars | None = None
    tokens: Count | None = None
    requests: Count | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [unit for unit in (self.usd, self.tokens, self.requests) if unit is not None]
        if len(given) != 1:
            raise ValueError("must be one of usd, tokens or requests")
        return self


class ActionEntry(_Strict):
    """What happens at a share of the limit."""

    at: Percent
    do: Literal["warn", "route", "refuse"]
    model: str | None = None

    @model_validator(mode="after")
    def _fits_what_it_does(self) -> Self:
        if self.do == "route" and self.model is None:
            raise ValueError("needs model: the cheaper one to use instead")
        if self.do != "route" and self.model is not None:
            raise ValueError(f"has a model, which only 'do: route' takes, not 'do: {self.do}'")
        if self.do == "refuse" and self.at != 100:
            raise ValueError("refuses at less than 100 percent; lower the limit instead")
        return self


WARNINGS = tuple(ActionEntry(at=percent, do="warn") for percent in (80, 95, 100))
"""The actions of a budget that states none."""


class BudgetEntry(_Strict):
    """One budget. Without `value` each app, user, model … has the limit for itself."""

    name: BudgetName
    scope: Scope = "whole"
    value: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    window: Literal["hour", "day", "month"]
    time_zone: TimeZone | None = None
    limit: LimitEntry
    actions: Annotated[tuple[ActionEntry, ...], Field(max_length=16)] = WARNINGS

    @field_validator("actions")
    @classmethod
    def _are_told_apart(cls, actions: tuple[ActionEntry, ...]) -> tuple[ActionEntry, ...]:
        if len(set(actions)) < len(actions):
            raise ValueError("has the same action twice")
        return actions

    @model_validator(mode="after")
    def _has_a_value_where_it_can(self) -> Self:
        if self.value is not None and self.scope == "whole":
            raise ValueError("has a value, but its scope is the whole; name a scope or drop it")
        if self.value is not None and self.scope == "user":
            raise ValueError("has a value, but users are known by hash only; each has the limit")
        return self


class AllowancesEntry(_Strict):
    """Tokens counted for input whose size says little: each image, file and video."""

    image: Allowance = 5_000
    file: Allowance = 50_000
    video: Allowance = 100_000


class BudgetsFile(_Strict):
    """The whole file. `max_users`: how many users one window of a budget tells apart."""

    time_zone: TimeZone | None = None
    max_users: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 10_000
    allowances: AllowancesEntry = AllowancesEntry()
    budgets: Annotated[tuple[BudgetEntry, ...], Field(max_length=256)] = ()

    @model_validator(mode="after")
    def _have_names_of_their_own(self) -> Self:
        seen: set[str] = set()
        for budget in self.budgets:
            if budget.name in seen:
                raise ValueError(f"there are two budgets named '{budget.name}'")
            seen.add(budget.name)
        return self
