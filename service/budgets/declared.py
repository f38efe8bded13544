"""Which budgets there are: one validated YAML file, checked against the models that are served."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from service.budgets.schema import AllowancesEntry, BudgetEntry, BudgetsFile, LimitEntry, Scope
from service.budgets.windows import Kind, Windows
from service.ledger.entry import Unit
from service.money import picodollars
from service.targets import Targets
from service.yaml_file import YamlFileError, problems, read_yaml

DEFAULT_PATH = Path(__file__).with_name("default.yaml")
USED_UP_PERCENT = 90
"""From here on a request refused for want of room means that the budget is used up."""


class BudgetsError(ValueError):
    """The budgets file cannot be used; the message names file, budget, field and problem."""

    @classmethod
    def of(cls, path: Path, raw: object, error: ValidationError) -> Self:
        """All problems of one validation, one a line."""
        lines = problems(error, raw, naming=("name",))
        return cls(f"The budgets file {path} is not valid:\n" + "\n".join(lines))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A share of a limit, and the amount in the budget's unit from which it is passed."""

    percent: int
    amount: int


@dataclass(frozen=True, slots=True)
class Route:
    """From `amount` on, requests for `operation` go to `model`."""

    amount: int
    model: str
    operation: str


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget; amounts in its unit: picodollars, tokens or requests.

    `value` None: each app, user, model … has the limit for itself. `thresholds` rise, `routes`
    fall.
    """

    name: str
    scope: Scope
    value: str | None
    window: Kind
    zone: ZoneInfo
    unit: Unit
    limit: int
    thresholds: tuple[Threshold, ...]
    routes: tuple[Route, ...]
    refuses: bool
    windows: Windows
    used_up: int
    max_users: int
    """How many users one window tells apart; those beyond share a limit."""

    @property
    def caps_output(self) -> bool:
        """Whether answers must keep to what was reserved for them."""
        return self.refuses and self.unit != "requests"

    def passed(self, spent: int) -> int | None:
        """The highest threshold that so much has passed, in percent."""
        found = None
        for threshold in self.thresholds:
            if spent >= threshold.amount:
                found = threshold.percent
        return found

    def routes_for(self, operation: str, model: str) -> tuple[Route, ...]:
        """Where a request for a model could be sent, the highest threshold first.

        From a model that is itself one of the routes only on, to those of higher thresholds.
        """
        on = takewhile(lambda route: route.model != model, self.routes)
        return tuple(route for route in on if route.operation == operation)


@dataclass(frozen=True, slots=True)
class Declared:
    """All budgets, and the allowances for input whose size says little."""

    budgets: tuple[Budget, ...] = ()
    allowances: AllowancesEntry = field(default_factory=AllowancesEntry)

    @property
    def by_name(self) -> Mapping[str, Budget]:
        """The budgets by name."""
        return {budget.name: budget for budget in self.budgets}


def load_budgets(
    path: Path, *, targets: Targets, time_zone: str, components: AbstractSet[str]
) -> Declared:
    """Read and validate a budgets file. Raises `BudgetsError`."""
    raw = _read(path)
    try:
        file = BudgetsFile.model_validate({} if raw is None else raw)
    except ValidationError as error:
        raise BudgetsError.of(path, raw, error) from None
    if "budgets" not in file.model_fields_set:
        # A full disk leaves such files behind; nobody may lose all limits by that.
        raise BudgetsError(
            f"The budgets file {path} has no budgets in it: it is empty or cut short. "
            "To have none, write 'budgets: []'."
        )
    wrong = [
        f"  budget '{entry.name}': {problem}"
        for entry in file.budgets
        for problem in _problems(entry, targets, components)
    ]
    if wrong:
        raise BudgetsError(f"The budgets file {path} is not valid:\n" + "\n".join(wrong))
    zone = file.time_zone or time_zone
    return Declared(
        tuple(
            _budget(entry, entry.time_zone or zone, targets, max_users=file.max_users)
            for entry in file.budgets
        ),
        file.allowances,
    )


def _read(path: Path) -> object:
    try:
        return read_yaml(path)
    except YamlFileError as error:
        raise BudgetsError(
            f"The budgets file {path} {error}. "
            "Set GAUGEWAY_BUDGETS to a file that can be used, or leave it unset for the default."
        ) from None


def _problems(entry: BudgetEntry, targets: Targets, components: AbstractSet[str]) -> list[str]:
    found: list[str] = []
    known = {
        "model": set(targets.models),
        "provider": {way.provider_name for ways in targets.models.values() for way in ways},
        "component": set(components),
    }.get(entry.scope)
    if entry.value is not None and known is not None and entry.value not in known:
        there = ", ".join(sorted(known)) or "none"
        found.append(f"value: there is no {entry.scope} '{entry.value}'; there are: {there}")
    for action in entry.actions:
        if action.model is None:
            continue
        ways = targets.models.get(action.model)
        if ways is None:
            there = ", ".join(sorted(targets.models))
            found.append(
                f"actions at {action.at}: no target serves the model '{action.model}'; "
                f"there are: {there}"
            )
        elif entry.scope == "model" and entry.value is not None and entry.value in targets.models:
            own = targets.models[entry.value][0].operation
            if ways[0].operation != own:
                found.append(
                    f"actions at {action.at}: '{action.model}' is served for "
                    f"{ways[0].operation}, but '{entry.value}' for {own}"
                )
    return found


def _budget(entry: BudgetEntry, time_zone: str, targets: Targets, *, max_users: int) -> Budget:
    unit, limit = _limit(entry.limit)
    zone = ZoneInfo(time_zone)
    routes = sorted(
        (
            Route(share(limit, action.at), action.model, targets.models[action.model][0].operation)
            for action in entry.actions
            if action.model is not None
        ),
        key=lambda route: route.amount,
        reverse=True,
    )
    return Budget(
        name=entry.name,
        scope=entry.scope,
        value=entry.value,
        window=entry.window,
        zone=zone,
        unit=unit,
        limit=limit,
        thresholds=tuple(
            Threshold(percent, share(limit, percent))
            for percent in sorted({action.at for action in entry.actions})
        ),
        routes=tuple(routes),
        refuses=any(action.do == "refuse" for action in entry.actions),
        windows=Windows(entry.window, zone),
        used_up=share(limit, USED_UP_PERCENT),
        max_users=max_users,
    )


def share(limit: int, percent: int) -> int:
    """The least amount that is at least so many percent of a limit."""
    return -(-limit * percent // 100)


def _limit(entry: LimitEntry) -> tuple[Unit, int]:
    if entry.usd is not None:
        return "usd", picodollars(entry.usd)
    if entry.tokens is not None:
        return "tokens", entry.tokens
    if entry.requests is not None:
        return "requests", entry.requests
    raise ValueError("a limit without a unit")
